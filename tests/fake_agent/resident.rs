//! The resident program: an input line at the bottom, the history above it, the state in the title.

use std::{process::ExitCode, sync::mpsc::Receiver, time::Duration};

use super::{
    Options, script,
    tty::{self, Key},
    turn::{End, Memory, Turn, append},
};

/// Runs until it is told to leave or its terminal is gone.
pub fn run(options: &Options) -> Result<ExitCode, String> {
    tty::raw();
    tty::print("\x1b[?2004h");
    let keys = tty::keys();
    let turns = options.session.as_ref().and_then(|it| std::fs::read_to_string(it).ok());
    let turns = turns.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
    let mut memory =
        Memory { turns, titles: !options.no_title, callboard: options.callboard.clone(), ..Memory::default() };
    memory.title("starting");
    let mut turn = Turn { keys: &keys, memory: &mut memory, resident: true };
    if let End::Exit(code) = turn.run(&script::parse(&options.script)) {
        return Ok(ExitCode::from(code));
    }
    tty::print("fake agent\r\n");
    if let Some(prompt) = &options.prompt
        && let Some(code) = take_turn(prompt, &keys, &mut memory, options)
    {
        return Ok(ExitCode::from(code));
    }
    let mut input = String::new();
    let (mut new_lines, mut lost) = (options.new_lines, options.lost);
    let mut late = Some(Duration::from_millis(options.late)).filter(|it| !it.is_zero());
    idle(&memory, &input, options);
    loop {
        match keys.recv().unwrap_or(Key::End) {
            Key::Text(it) => input.push(it),
            Key::Paste(it) => input.push_str(&it),
            Key::Control(0x15) => input.clear(),
            Key::Control(0x7f) => {
                input.pop();
            }
            Key::Control(b'\n') => input.push('\n'),
            Key::Control(0x03) => return Ok(ExitCode::from(130)),
            Key::Control(0x04) | Key::End => return Ok(ExitCode::SUCCESS),
            Key::Control(_) | Key::Esc => {}
            Key::Enter if input.trim() == "/exit" => {
                if let Some(path) = &memory.at_exit {
                    append(path, "left by /exit")?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            Key::Enter if input.trim().is_empty() => {}
            Key::Enter if lost > 0 => lost -= 1,
            Key::Enter if new_lines > 0 => {
                new_lines -= 1;
                input.push('\n');
                idle(&memory, &input, options);
                if let Some(path) = &options.then_ask {
                    let ask = script::parse(&format!("[[sleep 100]] [[ask {path}]]"));
                    if let End::Exit(code) = (Turn { keys: &keys, memory: &mut memory, resident: true }).run(&ask) {
                        return Ok(ExitCode::from(code));
                    }
                }
            }
            Key::Enter => {
                std::thread::sleep(late.take().unwrap_or_default());
                let prompt = std::mem::take(&mut input);
                tty::print("\r\x1b[J");
                if let Some(code) = take_turn(&prompt, &keys, &mut memory, options) {
                    return Ok(ExitCode::from(code));
                }
            }
        }
        idle(&memory, &input, options);
    }
}

fn take_turn(prompt: &str, keys: &Receiver<Key>, memory: &mut Memory, options: &Options) -> Option<u8> {
    memory.turns += 1;
    if let Some(session) = &options.session {
        let _ = std::fs::write(session, memory.turns.to_string());
    }
    tty::print(&format!("> {}\r\n", folded(prompt, options).replace(['\r', '\n'], "\r\n")));
    memory.title("working");
    if !memory.titles {
        tty::print("(esc to interrupt)");
    }
    let mut directives = script::parse(prompt);
    if directives.is_empty() && !memory.has_plans() {
        let text = format!("you said {} characters in turn {}", prompt.chars().count(), memory.turns);
        directives.push(script::Directive { name: "say".to_owned(), rest: text });
    }
    let end = Turn { keys, memory, resident: true }.run(&directives);
    match end {
        End::Exit(code) => return Some(code),
        End::Interrupted => tty::print("\r\x1b[Jinterrupted\r\n"),
        End::Done => tty::print("\r\x1b[J\r\n"),
    }
    None
}

fn idle(memory: &Memory, input: &str, options: &Options) {
    // The whole input line goes out in one write, then the title: what says idle is never ahead of what it speaks of.
    let text = input.trim_end_matches('\n');
    let new_lines = "⏎".repeat(input.len() - text.len());
    let text = folded(text, options).replace(['\r', '\n'], " ") + &new_lines;
    let width = usize::from(tty::size().1).saturating_sub(4).max(10);
    let tail: String = text.chars().rev().take(width).collect::<Vec<_>>().into_iter().rev().collect();
    tty::print(&format!("\r\x1b[J❯ {tail}"));
    memory.title("idle");
}

fn folded(text: &str, options: &Options) -> String {
    let lines = text.split(['\r', '\n']).count();
    if lines > options.fold { format!("[Pasted text #1 +{lines} lines]") } else { text.to_owned() }
}
