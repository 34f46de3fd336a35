//! Where the real programs send anything at all: every address that a hub, its agents' programs and their tools connect or send
//! to, as the kernel was asked for it. All of it is loopback or a socket of this machine, and nobody is asked for a name.
//!
//! Wants strace; where it is missing each test says so and returns.

use std::{collections::BTreeSet, fs, io::Write as _, path::PathBuf, sync::Once};

use crate::{
    e2e::{COMMAND_LIMIT, Live},
    support::{Cli, World, each, world},
};

each!(a_turn_by_its_protocol_reaches_loopback_only, a_turn_on_its_screen_reaches_loopback_only);

/// The port at which names are asked for. Such a question is traffic too, also where the one who is asked is on this machine.
const NAMES: &str = "53";

/// Whom one call wants to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// A socket of this machine's own kind, or none: to a Unix socket, to the kernel, to whom it is connected already.
    Here,
    /// An address of the Internet's kind, with the port.
    Address(String, String),
    /// What the trace has is not enough to tell.
    Unknown,
}

impl Target {
    fn is_allowed(&self) -> bool {
        match self {
            Self::Here => true,
            Self::Address(address, port) => is_loopback(address) && port != NAMES,
            Self::Unknown => false,
        }
    }
}

fn is_loopback(address: &str) -> bool {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(it)) => it.is_loopback(),
        Ok(std::net::IpAddr::V6(it)) => it.is_loopback() || it.to_ipv4_mapped().is_some_and(|it| it.is_loopback()),
        Err(_) => false,
    }
}

/// Returns whom a line of a trace wants to reach; nothing where it is no such call.
fn target(line: &str) -> Option<Target> {
    // The process, then the call: the second half of one that was interrupted has no arguments any more.
    let call = line.trim_start().trim_start_matches(|it: char| it.is_ascii_digit()).trim_start();
    let (name, arguments) = call.split_once('(')?;
    if name == "io_uring_setup" {
        return Some(if call.contains(") = -1") { Target::Here } else { Target::Unknown });
    }
    if !["connect", "sendto", "sendmsg", "sendmmsg"].contains(&name) {
        return None;
    }
    let between = |from: &str, to: char| {
        let (_, rest) = arguments.split_once(from)?;
        rest.split_once(to).map(|it| it.0.trim_matches('"').to_owned())
    };
    let port = || between("_port=htons(", ')').unwrap_or_default();
    let v4 = between("sin_addr=inet_addr(", ')');
    if let Some(address) = v4.or_else(|| between("inet_pton(AF_INET6, ", ',')) {
        return Some(Target::Address(address, port()));
    }
    let here = ["AF_UNIX", "AF_NETLINK", "AF_UNSPEC", "AF_ALG", "AF_VSOCK"].iter().any(|it| arguments.contains(it));
    // One that is connected already names nobody, and its connect was looked at.
    let connected = match name {
        "sendto" => arguments.contains(", NULL, 0)") || arguments.contains(", NULL, 0 <"),
        "sendmsg" | "sendmmsg" => arguments.contains("msg_name=NULL"),
        _ => false,
    };
    Some(if here || connected { Target::Here } else { Target::Unknown })
}

/// What every trace is made with. A ring of the kernel's would pass the calls by, so one that is set up is told too.
const STRACE: [&str; 8] = [
    "-f",
    "--seccomp-bpf",
    "-qqq",
    "-s",
    "0",
    "-e",
    "signal=none",
    "--trace=connect,sendto,sendmsg,sendmmsg,io_uring_setup",
];

/// Starts the world's hub under strace, which follows all that it starts, and returns it with where the trace is.
fn traced(world: &World) -> Option<(Live, PathBuf)> {
    let tried = world.e2e.command("strace").args(STRACE).args(["-o", "/dev/null", "true"]).output();
    if !tried.is_ok_and(|it| it.status.success()) {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let why = "skipped: strace is not here or may not trace, so nothing is known of where programs send";
            let _ = writeln!(std::io::stderr(), "{why}");
        });
        return None;
    }
    let trace = world.e2e.root().join("network.trace");
    let mut command = world.e2e.command("strace");
    command.args(STRACE).arg("-o").arg(&trace).arg(env!("CARGO_BIN_EXE_callboard"));
    command.args(["hub", "run"]).arg(world.e2e.workspace());
    let mut hub = Live::start(command, "the hub under strace", false);
    hub.line("that it is ready", COMMAND_LIMIT, |it| it == "ready");
    Some((hub, trace))
}

/// Ends the hub, and looks at all that was reached since it began.
fn nobody_else_was_reached(world: &World, cli: Cli, on_its_screen: bool, (hub, trace): (Live, PathBuf)) {
    world.e2e.callboard(&["hub", "stop"]).ok("hub stop");
    hub.finish(COMMAND_LIMIT);
    let text = fs::read(&trace).map(|it| String::from_utf8_lossy(&it).into_owned()).expect("the trace");
    let mut reached = BTreeSet::new();
    let mut wrong = Vec::new();
    for line in text.lines() {
        match target(line) {
            Some(it) if !it.is_allowed() => wrong.push(line),
            Some(Target::Address(address, port)) => drop(reached.insert((address, port))),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{cli:?} and what it started reached more than loopback:\n{}", wrong.join("\n"));
    // The trace has seen what there was to see: the program asked its model.
    let url = world.model.url();
    let (_, port) = url.rsplit_once(':').expect("a port");
    assert!(reached.iter().any(|it| it.1 == port), "{cli:?} did not even ask its model: {reached:?}");
    // Codex has the model as its proxy, so what it would reach elsewhere is asked of that.
    let elsewhere = world.model.requests().into_iter().filter(|it| it.method == "CONNECT").map(|it| it.path);
    let tip = |it: &String| cli == Cli::Codex && on_its_screen && it == "raw.githubusercontent.com:443";
    assert_eq!(elsewhere.filter(|it| !tip(it)).collect::<Vec<_>>(), Vec::<String>::new());
}

fn a_turn_by_its_protocol_reaches_loopback_only(cli: Cli) {
    let Some(world) = world() else { return };
    let Some(traced) = traced(&world) else { return };
    // A tool of its own, one of Callboard's, and an answer.
    let script = format!("{} [[tool callboard/list_buffers {{}}]] [[say done]]", world.write(cli, "made.txt", "it"));
    assert_eq!(world.ask(cli, &script), "done");
    assert_eq!(world.e2e.read("made.txt").trim_end(), "it");
    nobody_else_was_reached(&world, cli, false, traced);
}

fn a_turn_on_its_screen_reaches_loopback_only(cli: Cli) {
    let Some(world) = world() else { return };
    world.by_its_screen(cli);
    let Some(traced) = traced(&world) else { return };
    let said = world.ask(cli, "[[say hello there]]");
    assert!(said.contains("hello there"), "{said}");
    nobody_else_was_reached(&world, cli, true, traced);
}

#[test]
fn what_is_reached_is_read_from_a_trace() {
    let address = |address: &str, port: &str| Some(Target::Address(address.to_owned(), port.to_owned()));
    for (line, expected, allowed) in [
        (
            r#"812  connect(5, {sa_family=AF_INET, sin_port=htons(4711), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS"#,
            address("127.0.0.1", "4711"),
            true,
        ),
        (
            r#"812  connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16 <unfinished ...>"#,
            address("127.0.0.53", "53"),
            false,
        ),
        (
            r#"7 connect(22, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0"#,
            address("2001:db8::1", "443"),
            false,
        ),
        (
            r#"7 sendto(9, "x", 1, MSG_NOSIGNAL, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("192.0.2.1")}, 16) = 1"#,
            address("192.0.2.1", "9"),
            false,
        ),
        (
            r#"7 sendmmsg(9, [{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.53")}, msg_namelen=16}}], 1, 0) = 1"#,
            address("192.0.2.53", "53"),
            false,
        ),
        (
            r#"7 connect(9, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0"#,
            address("::1", "80"),
            true,
        ),
        (r#"7 sendto(9, "GET / HTTP/1.1", 14, MSG_NOSIGNAL, NULL, 0) = 14"#, Some(Target::Here), true),
        (r#"7 sendto(9, "x", 1, 0, NULL, 0 <unfinished ...>"#, Some(Target::Here), true),
        (
            r#"7 sendmsg(9, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="x", iov_len=1}]}, 0) = 1"#,
            Some(Target::Here),
            true,
        ),
        (r#"7 connect(9, {sa_family=AF_UNIX, sun_path="/tmp/s"}, 10) = 0"#, Some(Target::Here), true),
        ("7 connect(9, 0x7ffd00000000, 16) = 0", Some(Target::Unknown), false),
        ("7 <... connect resumed>) = 0", None, true),
        ("7 io_uring_setup(256, {flags=0}) = 4", Some(Target::Unknown), false),
        ("7 io_uring_setup(256, {flags=0}) = -1 EPERM (Operation not permitted)", Some(Target::Here), true),
        ("7 +++ exited with 0 +++", None, true),
    ] {
        let found = target(line);
        assert_eq!(found, expected, "{line}");
        assert_eq!(found.is_none_or(|it| it.is_allowed()), allowed, "{line}");
    }
}
