//! Addresses of files. `callboard::entries` says what must hold.

#![no_main]

mod same;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| callboard::entries::uris(bytes));
