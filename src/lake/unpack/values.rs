//! The values of a column, taken from its pages: all of them, or some.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, BooleanBufferBuilder, PrimitiveArray, StringArray},
    buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int8Type, Int64Type, Time64MicrosecondType,
        TimeUnit::Microsecond, TimestampMicrosecondType,
    },
};

use super::super::{
    differences,
    numbered::{Distinct, Numbers, take_text},
};

/// Values by the way in which they are stored; what stands for a null does not matter.
pub(super) enum Values {
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
    Int64(Vec<i64>),
    Int32(Vec<i32>),
    Int8(Vec<i8>),
    Double(Vec<f64>),
    Bool(BooleanBufferBuilder),
}

/// What stands on a page behind its levels.
pub(super) enum Stored<'a> {
    Values(&'a [u8]),
    /// The differences between whole numbers.
    Differences(&'a [u8]),
    /// The numbers of distinct values.
    Numbers(&'a [u8], &'a Distinct),
}

impl Values {
    /// None yet; `None` for a type that no lake has.
    pub(super) fn new(of: &DataType) -> Option<Self> {
        Some(match of {
            DataType::Utf8 => Self::Text { offsets: vec![0], bytes: Vec::new() },
            DataType::Int64 | DataType::Timestamp(Microsecond, _) | DataType::Time64(Microsecond) => {
                Self::Int64(Vec::new())
            }
            DataType::Date32 => Self::Int32(Vec::new()),
            DataType::Int8 => Self::Int8(Vec::new()),
            DataType::Float64 => Self::Double(Vec::new()),
            DataType::Boolean => Self::Bool(BooleanBufferBuilder::new(0)),
            _ => return None,
        })
    }

    /// Takes the values with these numbers, which ascend, among the `count` that are stored; `None` stands for a value
    /// that is missing. Gives `None` where anything else is stored.
    pub(super) fn take(
        &mut self,
        stored: Stored,
        count: usize,
        wanted: impl Iterator<Item = Option<usize>>,
    ) -> Option<()> {
        let bytes = match stored {
            Stored::Values(bytes) => bytes,
            Stored::Differences(bytes) => return self.take_differences(bytes, count, wanted),
            Stored::Numbers(bytes, distinct) => return self.take_numbered(bytes, distinct, count, wanted),
        };
        match self {
            Self::Int64(out) => fixed(bytes, count, wanted, i64::from_le_bytes, |value| out.push(value)),
            Self::Int32(out) => fixed(bytes, count, wanted, i32::from_le_bytes, |value| out.push(value)),
            Self::Double(out) => fixed(bytes, count, wanted, f64::from_le_bytes, |value| out.push(value)),
            Self::Int8(out) => {
                // Stored with four bytes.
                let mut fit = true;
                fixed(bytes, count, wanted, i32::from_le_bytes, |value| {
                    let small = i8::try_from(value);
                    fit &= small.is_ok();
                    out.extend(small);
                })?;
                fit.then_some(())
            }
            Self::Bool(out) => {
                (bytes.len() == count.div_ceil(8)).then_some(())?;
                for number in wanted {
                    let bit = |at: usize| bytes.get(at / 8).map(|byte| byte >> (at % 8) & 1 == 1);
                    out.append(number.map_or(Some(false), bit)?);
                }
                Some(())
            }
            Self::Text { offsets, bytes: out } => {
                let (mut rest, mut passed) = (bytes, 0);
                for number in wanted {
                    if let Some(number) = number {
                        while passed < number {
                            take_text(&mut rest)?;
                            passed += 1;
                        }
                        out.extend_from_slice(take_text(&mut rest)?);
                        passed += 1;
                    }
                    offsets.push(i32::try_from(out.len()).ok()?);
                }
                while passed < count {
                    take_text(&mut rest)?;
                    passed += 1;
                }
                rest.is_empty().then_some(())
            }
        }
    }

    fn take_differences(
        &mut self,
        stored: &[u8],
        count: usize,
        wanted: impl Iterator<Item = Option<usize>>,
    ) -> Option<()> {
        let numbers = differences::read(stored, count)?;
        for at in wanted {
            let value = at.map_or(Some(0), |at| numbers.get(at).copied())?;
            match self {
                Self::Int64(out) => out.push(value),
                Self::Int32(out) => out.push(i32::try_from(value).ok()?),
                Self::Int8(out) => out.push(i8::try_from(value).ok()?),
                _ => return None,
            }
        }
        Some(())
    }

    fn take_numbered(
        &mut self,
        stored: &[u8],
        distinct: &Distinct,
        count: usize,
        wanted: impl Iterator<Item = Option<usize>>,
    ) -> Option<()> {
        let Self::Text { offsets, bytes } = self else { return None };
        let numbers = Numbers::read(stored)?;
        for at in wanted {
            if let Some(at) = at {
                bytes.extend_from_slice(distinct.get(numbers.get(at)?)?);
            }
            offsets.push(i32::try_from(bytes.len()).ok()?);
        }
        numbers.are(count).then_some(())
    }

    /// The array of all that was taken.
    pub(super) fn finish(self, of: &DataType, valid: Option<NullBuffer>) -> Option<ArrayRef> {
        fn numbers<T: ArrowPrimitiveType>(
            values: Vec<T::Native>,
            of: &DataType,
            valid: Option<NullBuffer>,
        ) -> Option<ArrayRef> {
            let numbers = PrimitiveArray::<T>::try_new(values.into(), valid).ok()?;
            Some(Arc::new(numbers.with_data_type(of.clone())))
        }
        match (self, of) {
            (Self::Int64(values), DataType::Timestamp(..)) => {
                numbers::<TimestampMicrosecondType>(values, of, valid)
            }
            (Self::Int64(values), DataType::Time64(_)) => numbers::<Time64MicrosecondType>(values, of, valid),
            (Self::Int64(values), _) => numbers::<Int64Type>(values, of, valid),
            (Self::Int32(values), _) => numbers::<Date32Type>(values, of, valid),
            (Self::Int8(values), _) => numbers::<Int8Type>(values, of, valid),
            (Self::Double(values), _) => numbers::<Float64Type>(values, of, valid),
            (Self::Bool(mut values), _) => Some(Arc::new(BooleanArray::new(values.finish(), valid))),
            (Self::Text { offsets, bytes }, _) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                // Looks whether the bytes are UTF-8, text by text.
                Some(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), valid).ok()?))
            }
        }
    }
}

/// Hands over numbers of `N` bytes; what stands for a missing one does not matter.
fn fixed<T: Default, const N: usize>(
    stored: &[u8],
    count: usize,
    wanted: impl Iterator<Item = Option<usize>>,
    read: impl Fn([u8; N]) -> T,
    mut each: impl FnMut(T),
) -> Option<()> {
    let (numbers, rest) = stored.as_chunks::<N>();
    (rest.is_empty() && numbers.len() == count).then_some(())?;
    for at in wanted {
        each(match at {
            Some(at) => read(*numbers.get(at)?),
            None => T::default(),
        });
    }
    Some(())
}
