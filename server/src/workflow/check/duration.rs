//! Lengths of time as workflow files write them: a whole number and a unit.

/// Units, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Returns the milliseconds of a text such as `30m`; `None` where it is none.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// Returns milliseconds in the largest unit that holds them whole.
pub fn show(milliseconds: u64) -> String {
    let whole = UNITS.iter().find(|(_, scale)| milliseconds > 0 && milliseconds.is_multiple_of(*scale));
    let (unit, scale) = whole.copied().unwrap_or(("ms", 1));
    format!("{}{unit}", milliseconds / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(parse("30m"), Some(1_800_000));
        assert_eq!(parse("500ms"), Some(500));
        assert_eq!(parse("0s"), Some(0));
        for bad in ["", "30", "m", "1.5h", "-1s", "30 m", "1h30m", "99999999999999999999d", "9999999999999999d", "3ü"]
        {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert_eq!(show(1_800_000), "30m");
        assert_eq!(show(90_000), "90s");
        assert_eq!(show(0), "0ms");
    }
}
