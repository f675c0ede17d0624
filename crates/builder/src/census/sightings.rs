//! Programs as they are sighted, one event at a time.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fs::File,
    io::{self, Read},
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, StatxFlags, statx};
use seed_nix::StorePath;
use seed_primitives::Digest;
use sha2::{Digest as _, Sha256};
use unix::sys::fanotify::{FanotifyEvent, MaskFlags};

use super::{
    mounts::Mounts,
    record::{Origin, Program},
};

/// The most programs one build may start that are not the same file.
const MAX_PROGRAMS: usize = 1 << 20;
/// The longest program.
const MAX_PROGRAM_BYTES: u64 = 8 << 30;

/// A file as the kernel knows it: device, inode, and when it was last changed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    device: (u32, u32),
    inode: u64,
    changed: (i64, u32),
    /// Whether it was started from a mount that is in no sandbox.
    outside: bool,
}

struct Sighting {
    path: String,
    digest: Digest,
    size: u64,
    /// Seconds and nanoseconds since the epoch, where the file system tells it.
    born: Option<(i64, u32)>,
}

/// Everything sighted so far.
pub(super) struct Tally {
    outside: Outside,
    found: BTreeMap<Key, Sighting>,
}

/// The mounts that are in no sandbox: those of this process, and those of Nix, which as root goes into a mount
/// namespace of its own that is a copy of this one.
#[derive(Default)]
pub(super) struct Outside {
    own: BTreeSet<u64>,
    driver: Option<u32>,
    /// The driver's namespace when it was last looked at, and the mounts in it.
    seen: (PathBuf, BTreeSet<u64>),
}

impl Outside {
    pub(super) fn new(own: BTreeSet<u64>) -> Self {
        Self {
            own,
            ..Self::default()
        }
    }

    /// Whether `mount` is one of them. As long as a namespace lives, its mounts keep their numbers.
    fn has(&mut self, mount: u64) -> bool {
        if self.own.contains(&mount) {
            return true;
        }
        self.look();
        self.seen.1.contains(&mount)
    }

    /// Reads the driver's mounts if it has changed its namespace. One that has ended keeps those it had.
    fn look(&mut self) {
        let Some(driver) = self.driver else { return };
        let Ok(namespace) = std::fs::read_link(format!("/proc/{driver}/ns/mnt")) else {
            return;
        };
        if namespace == self.seen.0 {
            return;
        }
        let table = std::fs::read(format!("/proc/{driver}/mountinfo")).ok();
        if let Some(mounts) = table.and_then(|table| Mounts::parse(&table)) {
            self.seen = (namespace, mounts.ids);
        }
    }
}

impl Tally {
    /// A tally for a process whose mount namespace has the mounts `own`.
    pub(super) fn new(own: BTreeSet<u64>) -> Self {
        Self {
            outside: Outside::new(own),
            found: BTreeMap::new(),
        }
    }

    /// That process `driver` is what drives the build.
    pub(super) const fn driven_by(&mut self, driver: u32) {
        self.outside.driver = Some(driver);
    }

    /// Takes note of one event. What processes outside of this process's pid namespace start is nobody's
    /// business: the kernel shows their number as 0.
    ///
    /// # Errors
    /// Why the census cannot be whole any more.
    pub(super) fn note(&mut self, event: &FanotifyEvent) -> Result<(), String> {
        if !event.check_version() {
            return Err("the kernel speaks another version of fanotify".to_owned());
        }
        if event.mask().contains(MaskFlags::FAN_Q_OVERFLOW) {
            return Err(
                "more programs were started than the kernel's queue holds; some are not known \
                 (fs.fanotify.max_queued_events is how many)"
                    .to_owned(),
            );
        }
        if event.pid() == 0 {
            return Ok(());
        }
        let lost =
            |error: io::Error| format!("a program that was started could not be read: {error}");
        let Some(fd) = event.fd() else {
            return Err("the kernel told of a program and gave no file".to_owned());
        };
        let file = File::from(fd.try_clone_to_owned().map_err(lost)?);
        self.sight(file).map_err(lost)
    }

    fn sight(&mut self, file: File) -> io::Result<()> {
        let flags = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let status = statx(&file, "", AtFlags::EMPTY_PATH, flags)?;
        let key = Key {
            device: (status.stx_dev_major, status.stx_dev_minor),
            inode: status.stx_ino,
            changed: (status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec),
            outside: self.outside.has(mount_of(&file)?),
        };
        let many = self.found.len() >= MAX_PROGRAMS;
        let Entry::Vacant(place) = self.found.entry(key) else {
            return Ok(());
        };
        if many {
            let why = format!("more than {MAX_PROGRAMS} programs were started");
            return Err(io::Error::other(why));
        }
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        let mut path = escaped(&path);
        if status.stx_nlink == 0 {
            path.truncate(path.trim_end_matches(" (deleted)").len());
        }
        let (digest, size) = digest_of(file)?;
        let knows = status.stx_mask & StatxFlags::BTIME.bits() != 0;
        place.insert(Sighting {
            path,
            digest,
            size,
            born: knows.then_some((status.stx_btime.tv_sec, status.stx_btime.tv_nsec)),
        });
        Ok(())
    }

    /// All programs, each once and ascending, now that nothing is added to `store` any more. What is neither in it
    /// nor born since `since`, in seconds and nanoseconds since the epoch, was
    /// there before.
    ///
    /// # Errors
    /// When the store cannot be read, or a file system does not tell when a file was born.
    pub(super) fn programs(self, store: &Path, since: (i64, u32)) -> Result<Vec<Program>, String> {
        let wanted = self.found.keys().map(|key| (key.device, key.inode));
        let names = names_in(store, &wanted.collect())
            .map_err(|error| format!("the store {} cannot be read: {error}", store.display()))?;
        let mut programs = BTreeSet::new();
        for (key, sighting) in self.found {
            let name = names.get(&(key.device, key.inode)).cloned();
            let origin = match (key.outside, &name, sighting.born) {
                (true, Some(_), _) => Origin::Unconfined,
                (true, None, _) => Origin::Driver,
                (false, Some(_), _) => Origin::Store,
                (false, None, Some(born)) if is_since(born, since) => Origin::Made,
                (false, None, Some(_)) => Origin::Foreign,
                (false, None, None) => {
                    return Err(format!(
                        "the file system of {} does not tell when a file was made",
                        sighting.path
                    ));
                }
            };
            programs.insert(Program {
                path: name.unwrap_or(sighting.path),
                origin,
                digest: sighting.digest,
                size: sighting.size,
            });
        }
        Ok(programs.into_iter().collect())
    }
}

/// Whether a file was born at `since` or later. Some file systems keep whole seconds only.
const fn is_since(born: (i64, u32), since: (i64, u32)) -> bool {
    born.0 > since.0 || (born.0 == since.0 && (born.1 == 0 || born.1 >= since.1))
}

/// The mount through which `file` was opened.
fn mount_of(file: &File) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let id = text.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    id.and_then(|id| id.trim().parse().ok())
        .ok_or_else(|| io::Error::other("the kernel does not tell its mount"))
}

/// SHA-256 and length of what is in `file`.
pub(super) fn digest_of(file: File) -> io::Result<(Digest, u64)> {
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; 1 << 16]);
    let mut bounded = file.take(MAX_PROGRAM_BYTES + 1);
    loop {
        let read = bounded.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
    if size > MAX_PROGRAM_BYTES {
        let why = format!("it has more than {MAX_PROGRAM_BYTES} bytes");
        return Err(io::Error::other(why));
    }
    let digest = Digest::from_bytes(hasher.finalize().into());
    Ok((
        digest.ok_or_else(|| io::Error::other("it hashes to zero"))?,
        size,
    ))
}

/// A path for people and for comparing: each name as the audit writes it.
fn escaped(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let names: Vec<String> = bytes.split(|byte| *byte == b'/').map(shown).collect();
    names.join("/")
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).escape_debug().to_string()
}

type Names = BTreeMap<((u32, u32), u64), String>;

/// The store path, and what follows, of each of the `wanted` files; of several names of one file the first.
fn names_in(store: &Path, wanted: &BTreeSet<((u32, u32), u64)>) -> io::Result<Names> {
    let mut names = Names::new();
    let folder = store.join("nix/store");
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        if StorePath::from_basename(entry.file_name().as_bytes()).is_err() {
            continue;
        }
        for file in walkdir::WalkDir::new(entry.path()) {
            let file = file?;
            if !file.file_type().is_file() {
                continue;
            }
            let status = rustix::fs::lstat(file.path())?;
            let device = (
                rustix::fs::major(status.st_dev),
                rustix::fs::minor(status.st_dev),
            );
            let key = (device, status.st_ino);
            if !wanted.contains(&key) {
                continue;
            }
            let inside = file.path().strip_prefix(&folder).unwrap_or(file.path());
            let name = format!("/nix/store/{}", escaped(inside));
            match names.entry(key) {
                Entry::Occupied(mut known) if name < *known.get() => {
                    known.insert(name);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(place) => {
                    place.insert(name);
                }
            }
        }
    }
    Ok(names)
}
