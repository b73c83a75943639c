"""Build whatever is stale in ads, woken by each business date that a delivery touched.

Reads    staging tables of the ad platforms, adwords and channel_paths
Writes   intermediate.* and marts.* of ads
Gate     dbt tests and expectations of each table; a failed partition stays on its last good
         version, and so does what depends on it
Re-run   nothing to do: the ledger knows what is stale, and any next run takes all of it;
         to build dates again, see rebuild_ads
"""

from airflow.sdk import DAG, PartitionedAssetTimetable, StartOfDayMapper, get_current_context, task

from orchestration.alerts import default_args
from orchestration.declared import START, touched
from orchestration.work import build_domain

with DAG(
    dag_id="marts_ads",
    schedule=PartitionedAssetTimetable(
        assets=(
            touched("adwords")
            | touched("amazon_ads")
            | touched("apple_search")
            | touched("channel_paths")
            | touched("facebook_ads")
            | touched("google_ads")
            | touched("linkedin_ads")
            | touched("microsoft_ads")
            | touched("pinterest_ads")
            | touched("reddit_ads")
            | touched("snapchat_ads")
            | touched("tiktok_ads")
            | touched("twitter_ads")
        ),
        default_partition_mapper=StartOfDayMapper(input_format="%Y-%m-%d"),
    ),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args("ads-data"),
    tags=["impact/tier_2", "domain/ads"],
    doc_md=__doc__,
) as dag:

    @task
    def build() -> None:
        """Take everything stale in the domain that nobody holds, in one pass."""
        build_domain("ads", get_current_context())

    build()
