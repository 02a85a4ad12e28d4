//! Is this a framework that may be here? And are these its roles?
//!
//! Owns the rules for what a scheduler says of itself; changes nothing.

use std::{collections::BTreeSet, time::Duration};

use stoker_types::{FrameworkInfo, Role, limit};

use super::Refusal;

/// Judges what a framework says of itself when it subscribes.
pub(crate) fn check(info: &FrameworkInfo, suppressed: &[Role]) -> Result<BTreeSet<Role>, Refusal> {
    let name_fits = (1..=limit::NAME_BYTES).contains(&info.name.len());
    if !name_fits || info.name.chars().any(char::is_control) {
        return Err(Refusal::NameInvalid(info.name.chars().take(80).collect()));
    }
    if !(1..=limit::ROLES_PER_FRAMEWORK).contains(&info.roles.len()) {
        return Err(Refusal::RoleCount(info.roles.len()));
    }
    let mut seen = BTreeSet::new();
    if let Some(role) = info.roles.iter().find(|role| !seen.insert(*role)) {
        return Err(Refusal::RoleTwice(role.clone()));
    }
    if info.failover_timeout > Duration::from_secs(limit::FAILOVER_TIMEOUT_SECONDS) {
        return Err(Refusal::FailoverTimeoutTooLong);
    }
    named_roles(info, suppressed, BTreeSet::new())
}

/// The roles that a call names; `default` if it names none.
pub(crate) fn named_roles(
    info: &FrameworkInfo,
    named: &[Role],
    default: BTreeSet<Role>,
) -> Result<BTreeSet<Role>, Refusal> {
    if named.is_empty() {
        return Ok(default);
    }
    match named.iter().find(|role| !info.roles.contains(role)) {
        Some(foreign) => Err(Refusal::RoleForeign(foreign.clone())),
        None => Ok(named.iter().cloned().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> FrameworkInfo {
        FrameworkInfo {
            name: "words".to_owned(),
            principal: String::new(),
            roles: vec![Role::default()],
            failover_timeout: FrameworkInfo::DEFAULT_FAILOVER_TIMEOUT,
        }
    }

    #[test]
    fn a_plain_framework_is_taken() {
        assert_eq!(check(&info(), &[]), Ok(BTreeSet::new()));
        let suppressed = [Role::default()];
        assert_eq!(check(&info(), &suppressed), Ok(suppressed.into()));
    }

    #[test]
    fn a_framework_that_breaks_a_rule_is_refused_with_the_rule() {
        let other: Role = "other".parse().unwrap();
        let refusal = |change: fn(&mut FrameworkInfo)| {
            let mut info = info();
            change(&mut info);
            check(&info, &[]).unwrap_err()
        };
        assert_eq!(
            refusal(|info| info.name = "a\nb".to_owned()),
            Refusal::NameInvalid("a\nb".to_owned())
        );
        assert_eq!(
            refusal(|info| info.name.clear()),
            Refusal::NameInvalid(String::new())
        );
        assert_eq!(refusal(|info| info.roles.clear()), Refusal::RoleCount(0));
        assert_eq!(
            refusal(|info| info.roles.push(Role::default())),
            Refusal::RoleTwice(Role::default())
        );
        assert_eq!(
            refusal(|info| info.failover_timeout = Duration::MAX),
            Refusal::FailoverTimeoutTooLong
        );
        assert_eq!(
            check(&info(), std::slice::from_ref(&other)),
            Err(Refusal::RoleForeign(other))
        );
    }
}
