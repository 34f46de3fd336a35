//! What a program prints on a terminal. `callboard::entries` says what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| callboard::entries::screen(bytes));
