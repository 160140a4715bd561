//! What must hold of every lake, each law with a number and with what breaks without it.

use serde::{Serialize, Serializer};

/// A law of the lake. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    EachTicketOnce,
    InItsPartition,
    SortedById,
    SameColumns,
    FileForm,
    Metadata,
    OneFileEach,
    Decodable,
    StateReadable,
    RescuedIsObject,
    NothingStaged,
    ManifestAgrees,
}

use Invariant::*;

/// Each law, and what goes wrong where it does not hold; V1 is the first.
const LAWS: [(Invariant, &str, &str); 12] = [
    (
        EachTicketOnce,
        "each ticket once in its source",
        "every count and sum is too high, and two versions of a ticket contradict each other",
    ),
    (InItsPartition, "each ticket in the partition of its creation", "a query by date misses the ticket"),
    (
        SortedById,
        "rows sorted by id, and id never null",
        "a look-up by id reads every page, and a merge cannot go on",
    ),
    (
        SameColumns,
        "the same columns in every file of a source",
        "a plain glob over the source fails or loses columns",
    ),
    (
        FileForm,
        "Zstandard or none, statistics; large files: page index, Bloom filter",
        "readers cannot skip what they do not need, or skip what they do need",
    ),
    (
        Metadata,
        "the metadata of files: version, schema version, kind of source",
        "nobody knows which version wrote the file, and from which vendor its rows are",
    ),
    (
        OneFileEach,
        "one part-0.parquet in a partition, nothing else",
        "the glob counts rows that are no tickets",
    ),
    (Decodable, "every page can be decoded", "queries that touch the page fail"),
    (
        StateReadable,
        "the state can be read, and names no time that has not come yet",
        "the next sync cannot begin, or begins at the wrong moment",
    ),
    (RescuedIsObject, "_rescued is a JSON object or null", "JSON queries over it fail"),
    (
        NothingStaged,
        "no temporary file of a crashed run",
        "disk space is wasted until the next sync removes it",
    ),
    (
        ManifestAgrees,
        "the manifest agrees with the files, byte for byte",
        "tickets are missing, or are not what the source sent",
    ),
];

impl Invariant {
    /// All of them, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        LAWS.into_iter().map(|(law, ..)| law)
    }

    /// `V1` to `V12`.
    pub fn number(self) -> String {
        format!("V{}", self as usize + 1)
    }

    /// The law.
    pub fn text(self) -> &'static str {
        LAWS.get(self as usize).map_or("", |(_, text, _)| text)
    }

    /// What goes wrong where it does not hold.
    pub fn breaks(self) -> &'static str {
        LAWS.get(self as usize).map_or("", |(.., breaks)| breaks)
    }
}

impl Serialize for Invariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_law_is_in_the_place_of_its_number() {
        assert!(Invariant::all().enumerate().all(|(place, law)| law as usize == place));
    }
}
