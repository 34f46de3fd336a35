//! The `callboard` program: starts the log, runs the command line, ends with its exit code.

fn main() {
    // Each agent has one of these: nothing is read, parsed or set up for it that it does not need.
    if std::env::args_os().skip(1).eq(["mcp"]) {
        std::process::exit(callboard::cli::entry::mcp());
    }
    callboard::cli::entry::explain_panics();
    callboard::cli::entry::start_logging();
    let code = callboard::cli::entry::main();
    // An exit and not a return: a thread that reads a terminal can't be ended otherwise. Output is flushed as it is written.
    std::process::exit(code);
}
