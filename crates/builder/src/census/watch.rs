use std::{
    ffi::OsString,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::CWD,
    process::{Pid, PidfdFlags, pidfd_open},
};
use seed_primitives::canonical_json;
use unix::{
    errno::Errno,
    sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags},
};

use super::{mounts::Mounts, record::Sightings, sightings::Tally};
use crate::{Error, state};

/// What the watching process is told. The builder starts it as the first process of a pid namespace: whatever
/// has a number there belongs to the build.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// The store that is built in
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Where to leave what was seen
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Whether programs can be watched here as they are started, in file systems such as that of `store`.
///
/// # Errors
/// [`Error::Census`] says what the kernel refused.
pub fn can_watch(store: &Path) -> Result<(), Error> {
    Watch::open(store).map(drop).map_err(Error::Census)
}

/// Runs a command to its end and leaves every program that was started meanwhile, in this pid namespace, in a
/// file. Returns the command's exit code; whether the census is whole is only in the file.
///
/// # Errors
/// When the file cannot be written.
pub fn watch(args: &WatchArgs) -> Result<u8, Error> {
    let (code, seen) = match run(args) {
        Ok((status, seen)) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            (code.unwrap_or(1), seen)
        }
        Err(reason) => (1, Sightings::Failed(reason)),
    };
    // Strings, integers and lists always have a JSON form.
    state::write(&args.out, &canonical_json(&seen).unwrap_or_default())?;
    Ok(code)
}

fn run(args: &WatchArgs) -> Result<(ExitStatus, Sightings), String> {
    let mut watch = Watch::open(&args.store)?;
    let (program, arguments) = args
        .command
        .split_first()
        .ok_or("there is nothing to run")?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.map_err(|_| "the clock stands before 1970")?;
    let mut child = Command::new(program)
        .args(arguments)
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    watch.tally.driven_by(child.id());
    let status = match watch.until_end(&mut child) {
        Ok(status) => status,
        Err(reason) => {
            // A build whose census is lost is not worth its time; the namespace takes the rest of it along.
            let _ = child.kill();
            let _ = child.wait();
            return Err(reason);
        }
    };
    let seconds = i64::try_from(since.as_secs()).map_err(|_| "the clock is beyond all time")?;
    let since = (seconds, since.subsec_nanos());
    let programs = watch.tally.programs(&args.store, since)?;
    if programs.is_empty() {
        return Err("the kernel did not even tell that Nix was started".to_owned());
    }
    let unwatched = watch.unwatched;
    Ok((
        status,
        Sightings::Seen {
            programs,
            unwatched,
        },
    ))
}

struct Watch {
    group: Fanotify,
    tally: Tally,
    unwatched: Vec<String>,
}

impl Watch {
    /// Watches every file system that is mounted, and in any case those of `store` and of temporary files.
    fn open(store: &Path) -> Result<Self, String> {
        let group = Fanotify::init(
            InitFlags::FAN_CLASS_NOTIF | InitFlags::FAN_CLOEXEC | InitFlags::FAN_NONBLOCK,
            EventFFlags::O_RDONLY | EventFFlags::O_LARGEFILE | EventFFlags::O_CLOEXEC,
        )
        .map_err(|error| match error {
            Errno::EPERM => {
                "the kernel shows who starts what to root of the machine only (CAP_SYS_ADMIN)"
                    .to_owned()
            }
            Errno::ENOSYS => "this kernel has no fanotify".to_owned(),
            other => format!("fanotify: {other}"),
        })?;
        for place in [existing(store), &std::env::temp_dir()] {
            mark(&group, place).map_err(|error| {
                format!(
                    "the file system of {} cannot be watched: {error}",
                    place.display()
                )
            })?;
        }
        let table = std::fs::read("/proc/self/mountinfo")
            .map_err(|error| format!("/proc/self/mountinfo: {error}"))?;
        let mounts = Mounts::parse(&table).ok_or("/proc/self/mountinfo has an unknown form")?;
        let mut unwatched = Vec::new();
        for (device, places) in &mounts.file_systems {
            let marked = places
                .iter()
                .any(|place| is_on(place, device) && mark(&group, place).is_ok());
            if let (false, Some(place)) = (marked, places.first()) {
                unwatched.push(place.to_string_lossy().escape_debug().to_string());
            }
        }
        unwatched.sort();
        Ok(Self {
            group,
            tally: Tally::new(mounts.ids),
            unwatched,
        })
    }

    /// Takes note of what is started until `child` ends.
    fn until_end(&mut self, child: &mut Child) -> Result<ExitStatus, String> {
        let failed = |error: std::io::Error| format!("the build cannot be waited for: {error}");
        let end = pidfd_open(Pid::from_child(child), PidfdFlags::empty())
            .map_err(|error| failed(error.into()))?;
        loop {
            let mut ready = [
                PollFd::new(&self.group, PollFlags::IN),
                PollFd::new(&end, PollFlags::IN),
            ];
            match poll(&mut ready, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed(error.into())),
            }
            let ended = child.try_wait().map_err(failed)?;
            // After the end, for what was started last is in the queue by then.
            self.drain()?;
            if let Some(status) = ended {
                return Ok(status);
            }
        }
    }

    /// Takes note of everything in the kernel's queue.
    fn drain(&mut self) -> Result<(), String> {
        loop {
            match self.group.read_events() {
                Ok(events) => events.iter().try_for_each(|event| self.tally.note(event))?,
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(format!("the kernel's queue cannot be read: {error}")),
            }
        }
    }
}

fn mark(group: &Fanotify, place: &Path) -> Result<(), Errno> {
    group.mark(
        MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM,
        MaskFlags::FAN_OPEN_EXEC,
        CWD.as_fd(),
        Some(place),
    )
}

/// Whether what is seen at `place` is on the device `major:minor`, and not on one mounted over it.
fn is_on(place: &Path, device: &str) -> bool {
    rustix::fs::lstat(place).is_ok_and(|status| {
        let (major, minor) = (
            rustix::fs::major(status.st_dev),
            rustix::fs::minor(status.st_dev),
        );
        format!("{major}:{minor}") == device
    })
}

/// `path`, or what of it exists: a store is made by its first build.
fn existing(path: &Path) -> &Path {
    let mut above = path.ancestors();
    above.find(|path| path.exists()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    /// More files opened than the kernel's queue holds, and nobody reads: what is missing is said, not skipped.
    /// Who may not watch gets the refusal instead.
    #[test]
    fn a_queue_that_overflows_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = match Watch::open(folder.path()) {
            Ok(watch) => watch,
            Err(refusal) => {
                assert!(refusal.contains("CAP_SYS_ADMIN"), "{refusal}");
                return;
            }
        };
        let size = fs::read_to_string("/proc/sys/fs/fanotify/max_queued_events").unwrap();
        let size: usize = size.trim().parse().unwrap();
        watch
            .group
            .mark(
                MarkFlags::FAN_MARK_ADD,
                MaskFlags::FAN_OPEN | MaskFlags::FAN_EVENT_ON_CHILD,
                CWD.as_fd(),
                Some(folder.path()),
            )
            .unwrap();
        for number in 0..=size {
            File::create(folder.path().join(number.to_string())).unwrap();
        }
        let refusal = watch.drain().unwrap_err();
        assert!(refusal.contains("more programs"), "{refusal}");
    }
}
