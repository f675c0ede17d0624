use std::{ffi::OsString, fs, os::unix::fs::MetadataExt as _, path::PathBuf};

/// Which files hold the logins.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Files {
    /// This one, which has to be there.
    Named(PathBuf),
    /// Those of these that are there.
    Usual(Vec<PathBuf>),
}

impl Files {
    /// Which files hold the logins of a user with these variables.
    pub(super) fn of(variable: impl Fn(&str) -> Option<OsString>, user: Option<u32>) -> Self {
        let path = |name| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        if let Some(file) = path("REGISTRY_AUTH_FILE") {
            return Self::Named(file);
        }
        // Of the folders that the XDG specification names, a relative one counts as none.
        let xdg = |name| path(name).filter(|folder| folder.is_absolute());
        let (home, podman) = (path("HOME"), "containers/auth.json");
        let at_home = |rest: &str| home.as_ref().map(|home| home.join(rest));
        let running = xdg("XDG_RUNTIME_DIR").map(|folder| folder.join(podman));
        let running = running.or_else(|| {
            Some(PathBuf::from(format!(
                "/run/containers/{}/auth.json",
                user?
            )))
        });
        let kept = xdg("XDG_CONFIG_HOME")
            .or_else(|| at_home(".config"))
            .map(|folder| folder.join(podman));
        let docker = path("DOCKER_CONFIG")
            .or_else(|| at_home(".docker"))
            .map(|folder| folder.join("config.json"));
        Self::Usual([running, kept, docker].into_iter().flatten().collect())
    }
}

/// Whom this process belongs to, where the system says so.
pub(super) fn user_id() -> Option<u32> {
    fs::metadata("/proc/self").map(|process| process.uid()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(variables: &[(&str, &str)], user: Option<u32>) -> Files {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Files::of(find, user)
    }

    fn paths(files: &[&str]) -> Files {
        Files::Usual(files.iter().map(PathBuf::from).collect())
    }

    #[test]
    fn logins_are_where_podman_and_docker_keep_them() {
        let home = ("HOME", "/home/u");
        assert_eq!(
            usual(&[home], Some(7)),
            paths(&[
                "/run/containers/7/auth.json",
                "/home/u/.config/containers/auth.json",
                "/home/u/.docker/config.json",
            ])
        );
        let all = [
            home,
            ("XDG_RUNTIME_DIR", "/run/user/7"),
            ("XDG_CONFIG_HOME", "/c"),
            ("DOCKER_CONFIG", "/d"),
        ];
        assert_eq!(
            usual(&all, Some(7)),
            paths(&[
                "/run/user/7/containers/auth.json",
                "/c/containers/auth.json",
                "/d/config.json"
            ])
        );
        let named = [("REGISTRY_AUTH_FILE", "/a/file")];
        assert_eq!(
            usual(&[&all[..], &named].concat(), None),
            Files::Named("/a/file".into())
        );
        // Empty is unset, and a folder that depends on where one is started is none.
        let relative = [
            ("XDG_RUNTIME_DIR", "."),
            ("XDG_CONFIG_HOME", "x"),
            ("REGISTRY_AUTH_FILE", ""),
        ];
        assert_eq!(usual(&relative, None), paths(&[]));
    }
}
