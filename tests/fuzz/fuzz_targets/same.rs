//! What the system gives at random, the same on each run: the order of hash tables decides which branches are taken, and with it
//! what a fuzzer takes for new ground.

use std::sync::atomic::{AtomicU64, Ordering};

static STATE: AtomicU64 = AtomicU64::new(0x9E37_79B9_7F4A_7C15);

/// Stands before the system's own function, for the standard library too.
///
/// # Safety
///
/// `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    for at in 0..length {
        let mut state = STATE.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        // SAFETY: `at` is below `length`, for which the caller has made room.
        unsafe { buffer.add(at).write((state >> 32) as u8) };
    }
    length.cast_signed()
}
