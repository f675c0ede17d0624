/// Takes one check off, or puts all back for an empty name, and says whether that can be done. It cannot: only in the
/// scratch copy that [`switch`](crate::switch) has put switches into is this another function.
#[must_use]
pub fn take_off(_check: &str) -> bool {
    false
}
