//! How a person reads the checks: one table, and a closing line.

use comfy_table::Cell;

use super::{Diagnosis, State};
use crate::tables;

/// Text of several lines, the last one ended; no colours.
pub fn render(diagnosis: &Diagnosis) -> String {
    let mut table = tables::wrapped(["about", "check", "", "found"]);
    let mut before = "";
    for check in &diagnosis.checks {
        let state = match check.state {
            State::Ok => "✓ ok",
            State::Warning => "! warning",
            State::Failed => "✗ failed",
            State::Skipped => "– skipped",
        };
        let todo = check.todo.as_ref().map(|todo| format!("\n→ {todo}")).unwrap_or_default();
        let about = if check.about == before { "" } else { check.about.as_str() };
        table.add_row([about, check.check, state, &format!("{}{todo}", check.found)].map(Cell::new));
        before = &check.about;
    }
    let count = |state| diagnosis.checks.iter().filter(|check| check.state == state).count();
    let closing = match (count(State::Failed), count(State::Warning)) {
        (0, 0) => "All is well: `ticketlake sync` can run.".to_owned(),
        (0, warnings) => format!("`ticketlake sync` can run; warnings to look at: {warnings}."),
        (failed, _) => format!(
            "Not yet: {failed} checks failed; `ticketlake sync` would end with exit code {}.",
            diagnosis.exit_code
        ),
    };
    format!("{table}\n{closing}\n")
}
