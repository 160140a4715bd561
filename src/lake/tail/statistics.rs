//! What the footer says of the values of a column: the least and the greatest, and how many are missing.

use parquet::basic::Type;

use super::super::{
    bounds::Bounds,
    thrift::{
        END, Kind, field, read_bytes, read_field, read_truth, take, take_byte, take_if, truth, write_field,
    },
};

/// The greatest and the least number, as readers before 2018 look for them.
const OLD_MAX: u8 = field(1, Kind::Bytes);
const OLD_MIN: u8 = field(1, Kind::Bytes);
/// Behind the old bounds, and without them.
const NULLS: u8 = field(1, Kind::I64);
const ONLY_NULLS: u8 = field(3, Kind::I64);
const MAX: u8 = field(2, Kind::Bytes);
const MIN: u8 = field(1, Kind::Bytes);
/// From the last bound, and without bounds from the nulls, to whether the greatest value is exact.
const TO_EXACT: u8 = 1;
const NULLS_TO_EXACT: u8 = 4;

/// Appends the statistics of a column; texts are cut to about `most` bytes.
pub(super) fn write(bounds: &Bounds, nulls: usize, most: usize, out: &mut Vec<u8>) {
    if bounds.is_empty() {
        write_field(ONLY_NULLS, nulls, out);
        out.extend_from_slice(&[truth(NULLS_TO_EXACT, false), truth(1, false), END]);
        return;
    }
    if bounds.are_texts() {
        write_field(ONLY_NULLS, nulls, out);
    } else {
        out.push(OLD_MAX);
        bounds.write_high(most, out);
        out.push(OLD_MIN);
        bounds.write_low(most, out);
        write_field(NULLS, nulls, out);
    }
    out.push(MAX);
    let high_is_exact = bounds.write_high(most, out);
    out.push(MIN);
    let low_is_exact = bounds.write_low(most, out);
    out.extend_from_slice(&[truth(TO_EXACT, high_is_exact), truth(1, low_is_exact), END]);
}

/// Takes the statistics of a column of this type; gives how many values are missing.
pub(super) fn read(of: Type, bytes: &mut &[u8]) -> Option<usize> {
    let fits = |value: &[u8]| width(of).is_none_or(|width| value.len() == width);
    let old = match take_if(OLD_MAX, bytes) {
        true => {
            let high = read_bytes(bytes)?;
            take_byte(OLD_MIN, bytes)?;
            Some((high, read_bytes(bytes)?))
        }
        false => None,
    };
    let nulls = read_field(if old.is_some() { NULLS } else { ONLY_NULLS }, bytes)?;
    if take_if(MAX, bytes) {
        let high = read_bytes(bytes)?;
        take_byte(MIN, bytes)?;
        let low = read_bytes(bytes)?;
        // Numbers are told twice, texts once.
        let as_told = old.map_or(width(of).is_none(), |old| old == (high, low) && width(of).is_some());
        (as_told && fits(high) && fits(low)).then_some(())?;
        let exact = (read_truth(TO_EXACT, bytes)?, read_truth(1, bytes)?);
        (width(of).is_none() || exact == (true, true)).then_some(())?;
    } else {
        old.is_none().then_some(())?;
        take(&[truth(NULLS_TO_EXACT, false), truth(1, false)], bytes)?;
    }
    take_byte(END, bytes)?;
    Some(nulls)
}

/// Bytes of a bound of this type; `None` where they differ.
pub(super) fn width(of: Type) -> Option<usize> {
    match of {
        Type::BOOLEAN => Some(1),
        Type::INT32 | Type::FLOAT => Some(4),
        Type::INT64 | Type::DOUBLE => Some(8),
        Type::INT96 => Some(12),
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => None,
    }
}
