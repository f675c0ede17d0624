/// The most bytes of one manifest or index: 4 MiB, the least a registry must accept.
pub const MAX_MANIFEST: u64 = 4 << 20;

/// The most bytes of one statement, attestation, locator or other small document: 1 MiB.
pub const MAX_STATEMENT: u64 = 1 << 20;

/// The most referrers of one image that are looked at.
pub const MAX_REFERRERS: usize = 100;

/// The most tags that one listing looks through, whatever the registry sends.
pub const MAX_TAGS: usize = 100_000;

/// The most bytes of one page of tags: some registries send them all in one.
pub(crate) const MAX_TAG_PAGE: u64 = 16 << 20;

/// The most pages of one listing, so that a `Link` that leads in a circle ends.
pub(crate) const MAX_PAGES: usize = 128;

/// The most bytes of an answer of a token service, or of an error that a registry sends.
pub(crate) const MAX_SMALL: u64 = 64 << 10;
