use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use seed_oci::{Options, Place, Repository};
use seed_primitives::{Digest, ParseError};
use seed_verdict::{Bundle, MAX_BUNDLE_BYTES};

use crate::{
    Fault,
    gather::{Notes, bundle},
    unplugged::without_network,
};

/// Where bundles are: in a file, or beside their images in a layout, as `oci:DIR` or `oci-archive:FILE`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BundlePlace {
    /// One bundle.
    File(PathBuf),
    /// A layout, never a registry, with a bundle for every image that is asked for.
    Layout(Place),
}

impl FromStr for BundlePlace {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if !text.starts_with("oci:") && !text.starts_with("oci-archive:") {
            return Ok(Self::File(text.into()));
        }
        match text.parse()? {
            Place::Registry { .. } => Ok(Self::File(text.into())),
            layout => Ok(Self::Layout(layout)),
        }
    }
}

impl BundlePlace {
    /// The bundle for the image with `digest`; only files are read.
    ///
    /// # Errors
    /// Those of [`load_bundle`]; [`Fault::BundleMissing`] when the layout has none that holds the image.
    pub fn load(&self, digest: Option<&Digest>) -> Result<Bundle, Fault> {
        let place = match self {
            Self::File(file) => return load_bundle(file),
            Self::Layout(place) => place,
        };
        let digest = digest.ok_or_else(|| {
            Fault::Usage("to find a bundle in a layout, name the image by digest".to_owned())
        })?;
        let repository = Repository::open(place, &Options::default()).map_err(|error| {
            let (Place::Layout(path) | Place::Archive(path)) = place else {
                return Fault::Usage(error.to_string());
            };
            Fault::file("the layout", path, error)
        })?;
        let notes = Notes::default();
        let found = without_network(false, bundle::find(&repository, digest, &notes))?;
        found.ok_or_else(|| Fault::missing_bundle(*digest, notes))
    }
}

/// Reads the bundle in `file`.
///
/// # Errors
/// [`Fault::File`] when there is no such file, [`Fault::BundleMalformed`] when it is no bundle.
pub fn load_bundle(file: &Path) -> Result<Bundle, Fault> {
    let unreadable = |why: String| Fault::file("the bundle", file, why);
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = file
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| {
            file.take(MAX_BUNDLE_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| unreadable(error.to_string()))?;
    Bundle::from_json(&bytes).map_err(|error| Fault::BundleMalformed {
        file: file.to_owned(),
        error,
    })
}
