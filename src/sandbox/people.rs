//! Who is at the help desk: agents and their groups, and customers.
//!
//! Customers of the seed are not stored but made from their number, so a big world starts as fast as a small
//! one; only those that a write made or changed are kept.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::words::{GIVEN, SURNAMES};

/// Someone who answers tickets.
#[derive(Debug, Clone, Copy)]
pub struct Agent {
    pub id: u64,
    pub name: &'static str,
    pub email: &'static str,
    pub group: u64,
}

pub const AGENTS: &[Agent] = &[
    Agent { id: 733, name: "管理员", email: "agent@example.com", group: 165 },
    Agent { id: 734, name: "刘晓燕", email: "liuxiaoyan@example.com", group: 165 },
    Agent { id: 735, name: "赵志强", email: "zhaozhiqiang@example.com", group: 165 },
    Agent { id: 741, name: "陈嘉琪", email: "chenjiaqi@example.com", group: 166 },
    Agent { id: 742, name: "孙海燕", email: "sunhaiyan@example.com", group: 166 },
    Agent { id: 750, name: "周文博", email: "zhouwenbo@example.com", group: 167 },
    Agent { id: 751, name: "吴思远", email: "wusiyuan@example.com", group: 167 },
    Agent { id: 760, name: "客服1号", email: "kefu1@example.com", group: 168 },
    Agent { id: 761, name: "客服2号", email: "kefu2@example.com", group: 168 },
    Agent { id: 762, name: "欧阳若曦", email: "ouyangruoxi@example.com", group: 168 },
];

pub const GROUPS: &[(u64, &str)] =
    &[(165, "默认组"), (166, "售后1组"), (167, "技术支持组"), (168, "大客户组")];

/// The name of a group.
pub fn group_name(id: u64) -> Option<&'static str> {
    GROUPS.iter().find(|(group, _)| *group == id).map(|(_, name)| *name)
}

pub fn agent(id: u64) -> Option<&'static Agent> {
    AGENTS.iter().find(|agent| agent.id == id)
}

pub fn agent_by_email(email: &str) -> Option<&'static Agent> {
    AGENTS.iter().find(|agent| agent.email == email)
}

/// The organization that a customer belongs to, with its name; every fourth of the seed's customers has one.
pub fn organization(customer: u64) -> Option<u64> {
    customer.is_multiple_of(4).then(|| FIRST_ORGANIZATION + customer % ORGANIZATIONS)
}

/// All organizations: their ids.
pub fn organizations() -> std::ops::Range<u64> {
    FIRST_ORGANIZATION..FIRST_ORGANIZATION + ORGANIZATIONS
}

const FIRST_ORGANIZATION: u64 = 300;
const ORGANIZATIONS: u64 = 37;

/// Someone who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customer {
    pub id: u64,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// The customer's key in the shop's own system.
    pub token: Option<String>,
}

const FIRST_ID: u64 = 10_000;
const ID_STEP: u64 = 3;
const FIRST_PHONE: u64 = 13_500_000_000;
const PHONE_STEP: u64 = 37;

/// All customers of one vendor.
#[derive(Debug)]
pub struct People {
    seeded: u64,
    next_id: u64,
    written: BTreeMap<u64, Customer>,
}

impl People {
    /// About one customer for three tickets.
    pub fn of(tickets: usize) -> People {
        let seeded = (tickets as u64 / 3).max(20);
        People { seeded, next_id: FIRST_ID + seeded * ID_STEP, written: BTreeMap::new() }
    }

    /// The id of a customer by chance.
    pub fn any(&self, rng: &mut Rng) -> u64 {
        FIRST_ID + rng.u64(..self.seeded) * ID_STEP
    }

    /// All customers, by id.
    pub fn all(&self) -> impl Iterator<Item = Customer> {
        let seeded = (0..self.seeded).map(|number| FIRST_ID + number * ID_STEP);
        let written = self.written.keys().copied().filter(|id| *id >= FIRST_ID + self.seeded * ID_STEP);
        seeded.chain(written).filter_map(|id| self.get(id))
    }

    pub fn get(&self, id: u64) -> Option<Customer> {
        if let Some(customer) = self.written.get(&id) {
            return Some(customer.clone());
        }
        let number = id.checked_sub(FIRST_ID)?;
        (number % ID_STEP == 0 && number / ID_STEP < self.seeded).then(|| seeded(id))
    }

    pub fn by_email(&self, email: &str) -> Option<Customer> {
        let number = email.strip_prefix("kh").and_then(|rest| rest.split_once('@'));
        self.find(number.and_then(|(id, _)| id.parse().ok()), |customer| {
            customer.email.as_deref() == Some(email)
        })
    }

    pub fn by_phone(&self, phone: &str) -> Option<Customer> {
        let number = phone.parse::<u64>().ok();
        let number = number.and_then(|phone| phone.checked_sub(FIRST_PHONE));
        self.find(number.map(|n| FIRST_ID + n / PHONE_STEP * ID_STEP), |customer| {
            customer.phone.as_deref() == Some(phone)
        })
    }

    pub fn by_token(&self, token: &str) -> Option<Customer> {
        let number = token.strip_prefix("customer_").and_then(|id| id.parse().ok());
        self.find(number, |customer| customer.token.as_deref() == Some(token))
    }

    /// Keeps a new customer; answers the id.
    pub fn add(&mut self, mut customer: Customer) -> u64 {
        customer.id = self.next_id;
        self.next_id += ID_STEP;
        self.keep(customer)
    }

    /// Keeps what was changed about a customer; answers the id.
    pub fn keep(&mut self, customer: Customer) -> u64 {
        let id = customer.id;
        self.written.insert(id, customer);
        id
    }

    fn find(&self, seeded: Option<u64>, fits: impl Fn(&Customer) -> bool) -> Option<Customer> {
        let written = self.written.values().find(|customer| fits(customer)).cloned();
        written.or_else(|| seeded.and_then(|id| self.get(id)).filter(|customer| fits(customer)))
    }
}

/// The customer whom the seed puts at this id; one in eight lacks an email, one in six a phone.
fn seeded(id: u64) -> Customer {
    let number = (id - FIRST_ID) / ID_STEP;
    let mut rng = Rng::with_seed(id);
    let mut name = String::new();
    name.push_str(super::words::pick(&mut rng, SURNAMES));
    name.push_str(super::words::pick(&mut rng, GIVEN));
    Customer {
        id,
        name,
        email: (number % 8 != 5).then(|| format!("kh{id}@example.com")),
        phone: (number % 6 != 3).then(|| (FIRST_PHONE + number * PHONE_STEP).to_string()),
        token: number.is_multiple_of(4).then(|| format!("customer_{id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_found_by_what_they_have() {
        let mut people = People::of(300);
        let mut rng = Rng::with_seed(3);
        for _ in 0..50 {
            let customer = people.get(people.any(&mut rng)).unwrap();
            for found in [
                customer.email.as_deref().map(|email| people.by_email(email)),
                customer.phone.as_deref().map(|phone| people.by_phone(phone)),
                customer.token.as_deref().map(|token| people.by_token(token)),
            ] {
                assert_eq!(found.unwrap_or(Some(customer.clone())), Some(customer.clone()));
            }
        }
        assert_eq!(people.by_email("nobody@example.com"), None);
        let id = people.add(Customer { email: Some("new@example.com".into()), ..Customer::default() });
        assert_eq!(people.by_email("new@example.com").unwrap().id, id);
    }
}
