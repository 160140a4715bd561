//! Charts of characters: bars, lines of bars, and shades. All are as wide as they have characters.

/// From an eighth of a cell to a whole one.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const SHADES: [char; 4] = ['░', '▒', '▓', '█'];

/// A bar of at most `width` characters, as long as the value is of `most`; what is not 0 is seen.
pub fn bar(value: u64, most: u64, width: u64) -> String {
    let whole = u128::from(most.max(1));
    let eighths = (u128::from(value.min(most)) * u128::from(width) * 8).div_ceil(whole);
    let eighths = usize::try_from(eighths).unwrap_or_default();
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(eighths.checked_rem(8).and_then(|rest| EIGHTHS.get(rest.checked_sub(1)?)));
    bar
}

/// One character for each value, as high as the value is of the highest; 0 is a blank.
pub fn line(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or_default();
    values.iter().map(|value| step(*value, most, &STEPS)).collect()
}

/// A character as dark as the value is of `most`; 0 is a point.
pub fn shade(value: u64, most: u64) -> char {
    if value == 0 { '·' } else { step(value, most, &SHADES) }
}

fn step(value: u64, most: u64, steps: &[char]) -> char {
    let count = steps.len() as u128;
    let place = (u128::from(value) * count).div_ceil(u128::from(most.max(1)));
    let place = usize::try_from(place).unwrap_or_default();
    place.checked_sub(1).and_then(|place| steps.get(place)).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_heights() {
        assert_eq!(
            [bar(0, 10, 4), bar(10, 10, 4), bar(5, 10, 4), bar(1, 1000, 4), bar(0, 0, 4)],
            ["", "████", "██", "▏", ""]
        );
        assert_eq!(bar(u64::MAX, u64::MAX, 3), "███");
        assert_eq!(line(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(line(&[0, 0]), "  ");
        assert_eq!([shade(0, 4), shade(1, 4), shade(4, 4), shade(1, 1000)], ['·', '░', '█', '░']);
    }
}
