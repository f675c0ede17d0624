/// What is wrong with the tar archive of an image layout. It says nothing about the images inside.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveFault {
    /// It is not the tar itself.
    #[error("it is compressed with {0}")]
    Compressed(&'static str),
    /// It ends too early: inside a file, or without the blocks that end an archive.
    #[error("it is cut off: what begins at byte {at} is not all there")]
    Truncated {
        /// The header of the file that is not whole, or the end.
        at: u64,
    },
    /// Something follows its end, where other readers could see another archive.
    #[error("something follows its end, at byte {at}")]
    Trailing {
        /// The first such byte.
        at: u64,
    },
    /// A header that makes no sense.
    #[error("{why}, at byte {at}")]
    Header {
        /// Where it is.
        at: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two contents under one name: readers would differ in which one counts.
    #[error("`{0}` is in it more than once")]
    Duplicate(String),
    /// A symbolic or hard link.
    #[error("`{0}` is a link")]
    Link(String),
    /// A file with holes, which only some readers fill.
    #[error("`{0}` is a sparse file")]
    Sparse(String),
    /// A header that changes the name, size or meaning of others, which only some readers obey.
    #[error("`{0}` changes what other headers mean")]
    Override(String),
    /// A device, a pipe or something unknown.
    #[error("`{0}` is neither a file nor a folder")]
    Special(String),
    /// A name that leads out of the archive, or that readers would normalise differently.
    #[error("`{0}` is not a name that is read")]
    Name(String),
    /// A file that claims to be larger than anything that is read.
    #[error("`{name}` claims {size} bytes, which is more than {limit}")]
    TooLarge {
        /// The file.
        name: String,
        /// What it claims, in bytes.
        size: u64,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// More files than are looked at.
    #[error("it has more than {0} files")]
    TooManyMembers(usize),
    /// `docker save` of old: unpacked layers and a config, and no manifest that anybody could have attested.
    #[error(
        "it is a docker archive without an `index.json`: the manifest that was attested is not in it"
    )]
    DockerArchive,
    /// A tar of something else.
    #[error("it has no `oci-layout` and `index.json`")]
    NoLayout,
}

impl ArchiveFault {
    /// The stable code, as documented in `docs/errors.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Compressed(_) => "archive-compressed",
            Self::Truncated { .. } => "archive-truncated",
            Self::Trailing { .. } => "archive-trailing",
            Self::Header { .. } => "archive-malformed",
            Self::Duplicate(_) => "archive-duplicate",
            Self::Link(_) => "archive-link",
            Self::Sparse(_) => "archive-sparse",
            Self::Override(_) => "archive-override",
            Self::Special(_) => "archive-special",
            Self::Name(_) => "archive-name",
            Self::TooLarge { .. } | Self::TooManyMembers(_) => "archive-too-large",
            Self::DockerArchive => "docker-archive",
            Self::NoLayout => "archive-no-layout",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Compressed(_) => "decompress it and name the tar",
            Self::Truncated { .. } => "copy or save it again, to its end",
            Self::DockerArchive => {
                "verify the image where it was pulled from, by digest, or save it with its manifest (`skopeo copy \
                 --preserve-digests docker://… oci-archive:…`) or at least with its config (`podman save --format \
                 oci-archive`, for --deep); converting this archive does not help, because that writes both anew"
            }
            Self::NoLayout => "give the tar of an OCI image layout; a folder is `oci:DIR`",
            _ => {
                "do not use this archive; save the image again with a tool that writes plain tar archives"
            }
        }
    }

    /// Whether the caller can put it right by giving the same content in another form.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Compressed(_) | Self::DockerArchive | Self::NoLayout
        )
    }
}
