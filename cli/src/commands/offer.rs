//! `stoker offer list|show`.

use stoker_proto::json;

use crate::{
    args::{OutputFormat, cluster::Offer},
    client::Client,
    output::{self, Table, age, resources, short_id},
};

/// Does what the verb says.
pub(super) async fn offer(verb: Offer, format: OutputFormat) -> anyhow::Result<()> {
    match verb {
        Offer::List(listed) => output::list(
            format,
            &Client::new(&listed.cluster)?.offers().await?,
            table,
        ),
        Offer::Show(named) => {
            let offer = Client::new(&named.cluster)?.offer(&named.id).await?;
            output::one(format, &offer, fields)
        }
    }
}

fn table(offers: &[json::Offer]) -> Table {
    let now = jiff::Timestamp::now();
    let mut table = Table::with_header(&[
        "OFFER",
        "FRAMEWORK",
        "ROLE",
        "AGENT",
        "CPUS",
        "MEM",
        "FUEL",
        "AGE",
    ]);
    for offer in offers {
        table.row([
            offer.id.clone(),
            short_id(&offer.framework_id),
            offer.role.clone(),
            short_id(&offer.agent_id),
            offer.resources.cpus.to_string(),
            stoker_types::size::display(offer.resources.mem),
            offer.resources.fuel.to_string(),
            age(now, offer.created_at),
        ]);
    }
    table
}

fn fields(offer: &json::Offer) -> Table {
    let mut table = Table::of_fields();
    table.field("offer", offer.id.clone());
    table.field("framework", offer.framework_id.clone());
    table.field("role", offer.role.clone());
    table.field("agent", offer.agent_id.clone());
    table.field("host", offer.hostname.clone());
    table.field("resources", resources(&offer.resources));
    table.field("made", offer.created_at.to_string());
    table.field("expires", offer.expires_at.to_string());
    table
}
