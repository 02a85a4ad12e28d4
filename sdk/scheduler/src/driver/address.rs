//! Where masters are: their addresses, and how to dial them.
//!
//! Owns reading addresses and the settings of a channel; opens none.

use std::{error::Error, time::Duration};

use tonic::transport::Endpoint;

use super::DriverError;

/// Where a master is when nothing else is said.
pub const DEFAULT_MASTER: &str = "http://127.0.0.1:5050";
/// The environment variable that says where the masters are: addresses, joined by commas.
pub const MASTER_VARIABLE: &str = "STOKER_MASTER";

/// HTTP/2 pings keep a way through NAT open, and find out when it is closed.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a TCP connection may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The addresses, or those of the environment, or the default one.
fn addresses_or_default(addresses: Vec<String>) -> Vec<String> {
    if !addresses.is_empty() {
        return addresses;
    }
    let variable = std::env::var(MASTER_VARIABLE).unwrap_or_default();
    let from_environment = split(&variable);
    if from_environment.is_empty() {
        vec![DEFAULT_MASTER.to_owned()]
    } else {
        from_environment
    }
}

/// The addresses of a text, where several are joined by commas.
fn split(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|address| !address.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Each address with what is needed to dial it; several may be joined by commas. Without any, those
/// of the environment, or the default one.
pub(crate) fn parse_addresses(
    addresses: &[String],
) -> Result<Vec<(String, Endpoint)>, DriverError> {
    let with_endpoint = |address: String| Ok((address.clone(), endpoint(&address)?));
    let addresses = addresses.iter().flat_map(|text| split(text)).collect();
    addresses_or_default(addresses)
        .into_iter()
        .map(with_endpoint)
        .collect()
}

/// What is needed to dial this address. One without a scheme is `http://`.
fn endpoint(address: &str) -> Result<Endpoint, DriverError> {
    let refusal = || DriverError::Address {
        address: address.chars().take(200).collect(),
    };
    let url = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let endpoint = Endpoint::from_shared(url).map_err(|_| refusal())?;
    let uri = endpoint.uri();
    if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) {
        return Err(refusal());
    }
    Ok(endpoint
        .connect_timeout(DIAL_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true))
}

/// What an error is in the end: the last of its causes, which names the fact.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_scheme_but_a_host() {
        for address in [
            "127.0.0.1:5050",
            "http://master.example:5050",
            "http://[::1]:5050/",
        ] {
            assert!(endpoint(address).is_ok(), "{address}");
        }
        for address in ["", "http://", "ftp://master", "https://master:5050", "a b"] {
            assert!(
                matches!(endpoint(address), Err(DriverError::Address { .. })),
                "{address:?} was taken"
            );
        }
    }

    #[test]
    fn several_addresses_are_joined_by_commas() {
        assert_eq!(split("a:1, b:2,"), ["a:1", "b:2"]);
    }
}
