//! How frameworks, agents, masters and tenants introduce themselves.

use std::collections::BTreeSet;

use stoker_types::{
    Epoch, FrameworkInfo, Hardening, MasterInfo, Role, agent::AgentInfo, limit, runner::Tenant,
};

use super::{
    error::{ConvertError, Under as _},
    read::{bounded_millis, filled_text, list, millis, parse, text},
    resources::{read_attributes, write_attributes},
};
use crate::v1;

impl From<FrameworkInfo> for v1::FrameworkInfo {
    fn from(framework: FrameworkInfo) -> Self {
        Self {
            name: framework.name,
            principal: framework.principal,
            roles: write_roles(&framework.roles),
            failover_timeout_ms: millis(framework.failover_timeout),
        }
    }
}

impl TryFrom<v1::FrameworkInfo> for FrameworkInfo {
    type Error = ConvertError;

    fn try_from(framework: v1::FrameworkInfo) -> Result<Self, Self::Error> {
        let roles = read_roles(framework.roles, "roles")?;
        check_roles(&roles).under("roles")?;
        Ok(Self {
            name: filled_text(framework.name, limit::NAME_BYTES).under("name")?,
            principal: text(framework.principal, limit::NAME_BYTES).under("principal")?,
            roles,
            failover_timeout: bounded_millis(
                framework.failover_timeout_ms,
                limit::FAILOVER_TIMEOUT_SECONDS,
            )
            .under("failover_timeout_ms")?,
        })
    }
}

fn check_roles(roles: &[Role]) -> Result<(), ConvertError> {
    let right = || format!("name 1 to {} roles, each once", limit::ROLES_PER_FRAMEWORK);
    if roles.is_empty() {
        return Err(ConvertError::new("is empty", right()));
    }
    let mut seen = BTreeSet::new();
    match roles.iter().find(|role| !seen.insert(*role)) {
        Some(twice) => Err(ConvertError::new(
            format!("names {:?} twice", twice.as_str()),
            right(),
        )),
        None => Ok(()),
    }
}

/// The wire form of roles.
pub(super) fn write_roles(roles: &[Role]) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

/// Roles from their wire form: as many as a framework may have.
pub(super) fn read_roles(
    roles: Vec<String>,
    field: &'static str,
) -> Result<Vec<Role>, ConvertError> {
    list(roles, field, limit::ROLES_PER_FRAMEWORK, |role| {
        parse(&role)
    })
}

impl From<AgentInfo> for v1::AgentInfo {
    fn from(agent: AgentInfo) -> Self {
        Self {
            agent_id: agent.id.to_string(),
            hostname: agent.hostname,
            resources: Some(agent.resources.into()),
            attributes: write_attributes(&agent.attributes),
            version: agent.version,
            url: agent.url,
            hardening: Some(agent.hardening.into()),
        }
    }
}

impl TryFrom<v1::AgentInfo> for AgentInfo {
    type Error = ConvertError;

    fn try_from(agent: v1::AgentInfo) -> Result<Self, Self::Error> {
        Ok(Self {
            id: parse(&agent.agent_id).under("agent_id")?,
            hostname: filled_text(agent.hostname, limit::NAME_BYTES).under("hostname")?,
            resources: agent
                .resources
                .unwrap_or_default()
                .try_into()
                .under("resources")?,
            attributes: read_attributes(agent.attributes).under("attributes")?,
            version: text(agent.version, limit::NAME_BYTES).under("version")?,
            url: text(agent.url, limit::NAME_BYTES).under("url")?,
            hardening: agent.hardening.unwrap_or_default().into(),
        })
    }
}

impl From<Hardening> for v1::Hardening {
    fn from(hardening: Hardening) -> Self {
        Self {
            landlock: hardening.landlock,
            seccomp: hardening.seccomp,
        }
    }
}

impl From<v1::Hardening> for Hardening {
    fn from(hardening: v1::Hardening) -> Self {
        Self {
            landlock: hardening.landlock,
            seccomp: hardening.seccomp,
        }
    }
}

impl From<MasterInfo> for v1::MasterInfo {
    fn from(master: MasterInfo) -> Self {
        Self {
            epoch: master.epoch.get(),
            version: master.version,
        }
    }
}

impl TryFrom<v1::MasterInfo> for MasterInfo {
    type Error = ConvertError;

    fn try_from(master: v1::MasterInfo) -> Result<Self, Self::Error> {
        Ok(Self {
            epoch: Epoch::new(master.epoch),
            version: text(master.version, limit::NAME_BYTES).under("version")?,
        })
    }
}

impl From<Tenant> for v1::Tenant {
    fn from(tenant: Tenant) -> Self {
        Self {
            framework_id: tenant.framework_id.to_string(),
            role: tenant.role.to_string(),
        }
    }
}

impl TryFrom<v1::Tenant> for Tenant {
    type Error = ConvertError;

    fn try_from(tenant: v1::Tenant) -> Result<Self, Self::Error> {
        Ok(Self {
            framework_id: parse(&tenant.framework_id).under("framework_id")?,
            role: parse(&tenant.role).under("role")?,
        })
    }
}
