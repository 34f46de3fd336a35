//! The scripted agent: a real interactive program on a real PTY that does what it is told, for the tests.
//!
//! Started as `fake-agent [--script TEXT] [--script-file FILE] [--ignore SIGNALS] [--fold LINES] [--no-title]
//! [--callboard PROGRAM] [PROMPT]`
//! it is a resident program: title and screen show its state, a prompt is pasted or typed and submitted by Enter, Esc
//! interrupts, `/exit` leaves. `PROMPT` is a first turn. The script is carried out before it is ready. `--ignore` takes a
//! list such as `HUP,TERM`. A paste of more than `LINES` lines (20) is shown folded, as real programs do.
//! `--new-lines COUNT` takes so many an Enter behind text for a new line, shown as `⏎` behind it; with `--then-ask PATH` it opens a
//! dialog as `[[ask PATH]]` does soon after it has shown one. `--lost COUNT` takes no notice of so many; `--late MS` takes the
//! first after so long.
//! Started as `fake-agent screen [--resume=ID] [--session-id=ID]` it is the resident program on a session of those that
//! `stream` keeps: each turn counts there.
//! Started as `fake-agent stream` it speaks stream-json on pipes, as `fake-agent acp` the Agent Client Protocol; see `stream.rs`
//! and `acp.rs`.
//! Started with `--request FILE --result FILE` it is a tool: it carries out the request's prompt once and ends with 0.
//!
//! What it does in a turn is what the prompt says in brackets, in order; a prompt with no directive is echoed.
//!
//! | directive | does |
//! |---|---|
//! | `[[say TEXT]]` | prints a line |
//! | `[[sleep MS]]` | is silent, still working |
//! | `[[chat MS]]` | prints a dot every 20 ms for so long |
//! | `[[title TEXT]]` | sets the title |
//! | `[[frame TEXT]]` | within one synchronized update, draws ` TEXT` and takes it back |
//! | `[[split TEXT]]` | prints TEXT in bold, its escapes and characters split over writes |
//! | `[[flood MB]]` | prints so many megabytes |
//! | `[[size]]` | prints `size ROWSxCOLUMNS` |
//! | `[[env]]` | prints its environment, a line `env NAME=VALUE` each |
//! | `[[args]]` | prints its arguments, a line `arg N=VALUE` each |
//! | `[[write PATH TEXT]]` | writes a file |
//! | `[[append PATH TEXT]]` | adds a line to a file |
//! | `[[ask PATH]]` | opens a permission dialog: Enter approves, Esc denies; the answer and every key pressed in it go to PATH |
//! | `[[result JSON]]` | writes its typed result to the file named by CALLBOARD_RESULT |
//! | `[[mcp TOOL JSON]]` | calls one of Callboard's tools by a real `callboard mcp` and prints `TOOL: …` or `TOOL failed: …`; JSON may be left out |
//! | `[[env-set NAME VALUE]]` | gives the programs that it starts from then on another variable |
//! | `[[mcp-tools]]` | prints `tools: …`, the names of the tools |
//! | `[[fence JSON]]` | prints its typed result as a fenced block |
//! | `[[invalid once JSON]]` | prints a bad result, and this one in the next turn |
//! | `[[invalid always]]` | prints a bad result in this and every later turn |
//! | `[[forge]]` | prints lines that look like approvals, JSON-RPC and events |
//! | `[[decide PROGRAM PAUSE]]` | runs `PROGRAM decide PAUSE approve` and prints how that ended |
//! | `[[grandchild tty SECONDS]]` | leaves a `sleep` behind that holds the terminal; prints `grandchild PID` |
//! | `[[grandchild notty SECONDS]]` | the same with no terminal |
//! | `[[hang]]` | never comes back, not even for Esc |
//! | `[[at-exit PATH]]` | when it leaves by `/exit`, says so in a file |
//! | `[[exit CODE]]` | ends |
//! | `[[signal NAME]]` | ends by KILL, TERM, HUP or SEGV |

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

mod acp;
mod mcp;
mod resident;
mod script;
mod stream;
mod tool;
mod tty;
mod turn;

/// How it was started.
#[derive(Default)]
struct Options {
    script: String,
    prompt: Option<String>,
    request: Option<String>,
    result: Option<String>,
    fold: usize,
    no_title: bool,
    callboard: String,
    /// How many times Enter behind text is a new line.
    new_lines: u32,
    /// How many times it is lost.
    lost: u32,
    /// For how many milliseconds the first is not read.
    late: u64,
    /// Where a dialog's keys go that is opened then.
    then_ask: Option<String>,
    /// The file that counts the turns of its session.
    session: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(err) => {
            tty::print(&format!("fake-agent: {err}\r\n"));
            ExitCode::from(70)
        }
    }
}

fn run() -> Result<ExitCode, String> {
    let mut options = Options { fold: 20, ..Options::default() };
    let all: Vec<String> = env::args().skip(1).collect();
    match all.split_first() {
        Some((first, rest)) if first == "stream" => return stream::run(rest),
        Some((first, rest)) if first == "acp" => return acp::run(rest),
        _ => {}
    }
    let is_screen = all.first().is_some_and(|it| it == "screen");
    let mut arguments = all.into_iter().skip(usize::from(is_screen));
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--script" => options.script = value()?,
            "--script-file" => {
                let file = value()?;
                options.script = fs::read_to_string(&file).map_err(|err| format!("{file}: {err}"))?;
            }
            "--ignore" => ignore(&value()?)?,
            "--fold" => options.fold = value()?.parse().map_err(|err| format!("--fold: {err}"))?,
            "--new-lines" => options.new_lines = value()?.parse().map_err(|err| format!("--new-lines: {err}"))?,
            "--lost" => options.lost = value()?.parse().map_err(|err| format!("--lost: {err}"))?,
            "--late" => options.late = value()?.parse().map_err(|err| format!("--late: {err}"))?,
            "--then-ask" => options.then_ask = Some(value()?),
            "--callboard" => options.callboard = value()?,
            "--no-title" => options.no_title = true,
            "--request" => options.request = Some(value()?),
            "--result" => options.result = Some(value()?),
            _ if is_screen && argument.starts_with("--resume=") => {
                let session = stream::folder()?.join(&argument["--resume=".len()..]);
                if !session.exists() {
                    tty::print(&format!(
                        "No conversation found with session ID: {}\r\n",
                        &argument["--resume=".len()..]
                    ));
                    return Ok(ExitCode::from(1));
                }
                options.session = Some(session);
            }
            _ if is_screen && argument.starts_with("--session-id=") => {
                options.session = Some(stream::folder()?.join(&argument["--session-id=".len()..]));
            }
            _ => options.prompt = Some(argument),
        }
    }
    match options.request.take() {
        Some(request) => tool::run(&request, options.result.as_deref(), &options),
        None => resident::run(&options),
    }
}

/// Starts itself again with signals ignored. An ignored signal stays so over `exec`, and a shell can ignore one without
/// unsafe code.
fn ignore(signals: &str) -> Result<(), String> {
    if env::var_os("FAKE_AGENT_IGNORES").is_some() {
        return Ok(());
    }
    let program = env::current_exe().map_err(|err| err.to_string())?;
    let trap = format!("trap '' {}; exec \"$0\" \"$@\"", signals.replace(',', " "));
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(trap).arg(program).args(env::args().skip(1)).env("FAKE_AGENT_IGNORES", signals);
    Err(std::os::unix::process::CommandExt::exec(&mut command).to_string())
}
