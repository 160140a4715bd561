pub mod definition;
pub mod kf5 {
    pub mod fields;
    pub mod ticket;
}
pub mod udesk {
    pub mod fields;
    pub mod ticket;
}
