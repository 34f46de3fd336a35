//! Transcripts on real files: bytes in, events out, whatever way the bytes were cut.

use proptest::prelude::*;

use super::*;

fn header() -> Header {
    Header { cols: 80, rows: 24, title: "@claude".to_owned(), started: Timestamp(1_795_341_600_000) }
}

fn writer(dir: &Path, max_bytes: u64, redactor: Option<Arc<Redactor>>) -> (PathBuf, TranscriptWriter) {
    let path = dir.join("claude.cast");
    (path.clone(), TranscriptWriter::create(&path, header(), max_bytes, redactor).unwrap())
}

fn output(path: &Path) -> String {
    let events = TranscriptReader::open(path).unwrap().map(Result::unwrap);
    events.filter_map(|it| if let What::Output(text) = it.what { Some(text) } else { None }).collect()
}

fn size_of_folder(dir: &Path) -> u64 {
    fs::read_dir(dir).unwrap().map(|it| it.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn a_transcript_is_an_asciicast() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut writer) = writer(dir.path(), DEFAULT_MAX_BYTES, None);
    writer.write_at(Duration::from_millis(1_500), b"\x1b[1mhi\x1b[0m \"\\\r\n").unwrap();
    writer.resize_at(Duration::from_secs(2), 100, 50).unwrap();
    writer.write_at(Duration::from_secs(3), "ende – 終".as_bytes()).unwrap();
    drop(writer);
    insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
    {"callboard":{"offset":0,"part":1},"height":24,"timestamp":1795341600,"title":"@claude","version":2,"width":80}
    [1.500000, "o", "\u001b[1mhi\u001b[0m \"\\\r\n"]
    [2.000000, "r", "100x50"]
    [3.000000, "o", "ende – 終"]
    "#);
    let reader = TranscriptReader::open(&path).unwrap();
    assert_eq!(reader.header(), &header());
    let events: Vec<Event> = reader.map(Result::unwrap).collect();
    assert_eq!(events[0].at, Duration::from_millis(1_500));
    assert_eq!(events[1].what, What::Resize { cols: 100, rows: 50 });
    let again = TranscriptWriter::create(&path, header(), DEFAULT_MAX_BYTES, None).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists, "a transcript is never written over");
}

#[test]
fn nothing_goes_to_the_file_a_write_at_a_time_and_all_of_it_when_it_went_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut writer) = writer(dir.path(), DEFAULT_MAX_BYTES, None);
    let before = fs::metadata(&path).unwrap().len();
    for _ in 0..100 {
        writer.write(b"a spinner turns\r").unwrap();
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), before);
    writer.flush().unwrap();
    assert_eq!(output(&path).len(), 1600);
    assert_eq!(writer.bytes(), size_of_folder(dir.path()));
}

#[test]
fn a_flood_is_bounded_and_its_head_and_its_newest_lines_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut writer) = writer(dir.path(), MIN_MAX_BYTES, None);
    let line = |number: u64| format!("{number:08} {}\r\n", "\x1b[32mok\x1b[0m ".repeat(20));
    let lines = 60_000;
    for number in 0..lines {
        writer.write_at(Duration::from_millis(number), line(number).as_bytes()).unwrap();
        if number % 5_000 == 0 {
            writer.flush().unwrap();
            assert!(size_of_folder(dir.path()) <= MIN_MAX_BYTES);
            assert_eq!(writer.bytes(), size_of_folder(dir.path()));
        }
    }
    drop(writer);
    let on_disk = size_of_folder(dir.path());
    assert!(on_disk <= MIN_MAX_BYTES && on_disk > MIN_MAX_BYTES / 2, "{on_disk}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);

    let events: Vec<Event> = TranscriptReader::open(&path).unwrap().map(Result::unwrap).collect();
    let gaps: Vec<(usize, u64)> = events
        .iter()
        .enumerate()
        .filter_map(|(at, it)| if let What::Gap { bytes } = it.what { Some((at, bytes)) } else { None })
        .collect();
    let [(at, gone)] = gaps[..] else { panic!("one gap, not {gaps:?}") };
    let text = |events: &[Event]| -> String {
        let texts =
            events.iter().filter_map(|it| if let What::Output(text) = &it.what { Some(text.as_str()) } else { None });
        texts.collect()
    };
    let (head, tail) = (text(&events[..at]), text(&events[at..]));
    let whole: String = (0..lines).map(line).collect();
    assert!(whole.starts_with(&head) && whole.ends_with(&tail), "the head and the newest are as they were printed");
    assert_eq!(head.len() as u64 + gone + tail.len() as u64, whole.len() as u64, "the gap is told exactly");
    assert!(tail.len() > 300_000, "{}", tail.len());
    let marked = events.iter().any(|it| matches!(&it.what, What::Marker(note) if note.contains("were dropped")));
    assert!(marked, "a player that knows nothing of parts shows it too");
}

#[test]
fn nothing_is_dropped_below_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut writer) = writer(dir.path(), MIN_MAX_BYTES, None);
    let text = "0123456789abcde\n".repeat(64);
    for _ in 0..3_400 {
        writer.write(text.as_bytes()).unwrap();
    }
    drop(writer);
    assert_eq!(output(&path).len(), 3_400 * 1024);
    let lines = TranscriptReader::open(&path).unwrap().lines().map(Result::unwrap);
    assert!(lines.map(|it| assert_eq!(it, "0123456789abcde")).count() == 3_400 * 64);
}

#[test]
fn a_transcript_that_a_crash_cut_off_ends_at_its_last_whole_line() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut writer) = writer(dir.path(), DEFAULT_MAX_BYTES, None);
    writer.write(b"whole").unwrap();
    drop(writer);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"[9.0, \"o\", \"cut o");
    fs::write(&path, bytes).unwrap();
    assert_eq!(output(&path), "whole");
    fs::write(&path, "no transcript\n").unwrap();
    assert!(TranscriptReader::open(&path).unwrap_err().to_string().contains("no transcript of Callboard"));
}

/// Security row 13: a secret that a terminal prints is in no file, even where reads cut it.
#[test]
fn a_secret_that_is_printed_is_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let canary = "canary-0a1b2c3d4e5f";
    let redactor = Arc::new(Redactor::new([canary]).unwrap());
    let (path, mut writer) = writer(dir.path(), DEFAULT_MAX_BYTES, Some(redactor));
    for cut in 1..canary.len() {
        let (first, second) = canary.split_at(cut);
        writer.write(format!("TOKEN={first}").as_bytes()).unwrap();
        writer.write(format!("{second}\r\n").as_bytes()).unwrap();
    }
    drop(writer);
    assert_eq!(output(&path), "TOKEN=[redacted]\r\n".repeat(canary.len() - 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_bytes_are_cut_the_text_is_the_same(
        bytes in proptest::collection::vec(prop_oneof![
            Just("é".as_bytes().to_vec()), Just("🎭".as_bytes().to_vec()), Just(b"\xff".to_vec()),
            Just(b"\xe2\x41".to_vec()), Just(b"plain \x1b[0m".to_vec()),
        ], 0..20),
        cut in 1_usize..5,
    ) {
        let bytes = bytes.concat();
        let dir = tempfile::tempdir().unwrap();
        let (path, mut writer) = writer(dir.path(), DEFAULT_MAX_BYTES, None);
        for piece in bytes.chunks(cut) {
            writer.write(piece).unwrap();
        }
        drop(writer);
        prop_assert_eq!(output(&path), String::from_utf8_lossy(&bytes));
    }
}
