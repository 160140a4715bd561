//! What customers said: in which words, and of whose work.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    measures::{Opinions, Ratings},
    rows::{
        PEOPLE,
        kept::{RATING, SCORE},
    },
    tally::{Cell, tally},
};

/// Ratings of all tickets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Satisfaction {
    /// The most frequent word first.
    pub words: Vec<Word>,
    /// The one with the most ratings first.
    pub groups: Vec<Rated>,
    pub assignees: Vec<Rated>,
}

/// A rating as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Word {
    pub label: Option<String>,
    /// 1 to 5; null for a word of no known rank.
    pub score: Option<i64>,
    pub tickets: u64,
}

/// Whose work was rated. Without an id and a name: nobody's yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rated {
    pub source: String,
    pub id: Option<i64>,
    /// Where there were several, the one with the most tickets.
    pub name: Option<String>,
    pub tickets: u64,
    #[serde(flatten)]
    pub ratings: Ratings,
}

/// Ratings, counted.
#[derive(Debug, Default)]
pub struct Voices {
    words: BTreeMap<(Option<String>, Option<i64>), u64>,
    groups: People,
    assignees: People,
}

/// By source and id (or the name where there is no id): tickets by name, and ratings.
type People = BTreeMap<(String, Option<i64>, Option<String>), (BTreeMap<String, u64>, u64, Opinions)>;

impl Voices {
    pub fn add(&mut self, source: &str, rows: &DataFrame) -> PolarsResult<()> {
        for ([word, score], tickets) in tally(rows, [RATING, SCORE])? {
            if word != Cell::Null || score != Cell::Null {
                *self.words.entry((word.into_text(), score.int())).or_default() += tickets;
            }
        }
        let [group_id, group_name, assignee_id, assignee_name] = PEOPLE;
        add_people(&mut self.groups, source, tally(rows, [group_id, group_name, RATING, SCORE])?);
        add_people(&mut self.assignees, source, tally(rows, [assignee_id, assignee_name, RATING, SCORE])?);
        Ok(())
    }

    /// `None` where no ticket was rated.
    pub fn satisfaction(self) -> Option<Satisfaction> {
        let word = |((label, score), tickets)| Word { label, score, tickets };
        let mut words: Vec<Word> = self.words.into_iter().map(word).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.tickets));
        let found = Satisfaction { words, groups: rated(self.groups), assignees: rated(self.assignees) };
        (!found.words.is_empty()).then_some(found)
    }
}

fn add_people(people: &mut People, source: &str, counted: Vec<([Cell; 4], u64)>) {
    for ([id, name, rating, score], tickets) in counted {
        let (id, name) = (id.int(), name.into_text());
        let whose = (source.to_owned(), id, if id.is_none() { name.clone() } else { None });
        let (names, all, opinions) = people.entry(whose).or_default();
        if let Some(name) = name {
            *names.entry(name).or_default() += tickets;
        }
        *all += tickets;
        opinions.add(&rating, &score, tickets);
    }
}

fn rated(people: People) -> Vec<Rated> {
    let found = people.into_iter().filter_map(|((source, id, _), (names, tickets, opinions))| {
        let name = names.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        let name = name.map(|(name, _)| name);
        Some(Rated { source, id, name, tickets, ratings: opinions.ratings()? })
    });
    let mut found: Vec<Rated> = found.collect();
    found.sort_by_key(|rated| std::cmp::Reverse(rated.ratings.rated));
    found
}
