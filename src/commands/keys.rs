//! To come.
use super::DataHandler;
crate::commands! {
    /// The family's commands.
    pub static TABLE: DataHandler, group "generic";
}
