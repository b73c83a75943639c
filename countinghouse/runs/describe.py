"""Turns what dbt wrote into versions: digests, files and the exact inputs."""

from collections.abc import Sequence

from countinghouse.errors import CountinghouseError
from countinghouse.names import OPEN, WHOLE
from countinghouse.planning.model_graph import Graph, Model, Shape
from countinghouse.planning.planner import Plan, Published, State, resolve
from countinghouse.publishing.content_digest import EMPTY, Money, PartitionDigest, partition_digests
from countinghouse.publishing.publication import Work
from countinghouse.publishing.version import Version, attempt_root


def described(
    work: Work, schema: str, built: Sequence[Model], plan: Plan, state: State, graph: Graph
) -> list[Version]:
    """One version per planned partition of the models that were built, parents first.

    A planned date without rows becomes an empty version. Raises if a model wrote other dates.
    """
    digests = {
        (model.name, dt): digest
        for model in built
        for dt, digest in _digests(work, schema, model, plan, state).items()
    }
    overlay = state.with_built(
        {
            (table, dt): Published("", digest.digest, digest.rows, "", "")
            for (table, dt), digest in digests.items()
        }
    )
    return [
        work.version(
            model.name,
            dt,
            digests[model.name, dt],
            fingerprint=model.fingerprint,
            inputs=resolve(model, dt, overlay, graph),
        )
        for model in built
        for dt in plan.builds[model.name]
        if (model.name, dt) in digests
    ]


def _digests(
    work: Work, schema: str, model: Model, plan: Plan, state: State
) -> dict[str, PartitionDigest]:
    planned = plan.builds[model.name]
    frame = work.session.table(f"{schema}.{model.table}")
    columns = model.content
    types = {c.name: c.type for c in model.columns}
    money = [
        Money(column, types[column], currency_column=currency)
        for column, currency in (model.money or {}).items()
    ]
    if model.shape is Shape.WHOLE:
        return {WHOLE: partition_digests(frame, columns, money, by=[]).get((), EMPTY)}
    _refuse_unplanned(work, model, planned)
    found = partition_digests(frame.where(frame["dt"].isin(list(planned))), columns, money)
    digests = {dt: found.get(dt, EMPTY) for dt in planned}
    if model.shape is Shape.HISTORY:
        # A month in which no interval ends needs no partition.
        had = state.published.get(model.name, {})
        return {dt: d for dt, d in digests.items() if d.rows or dt in had or dt == OPEN}
    return digests


def _refuse_unplanned(work: Work, model: Model, planned: Sequence[str]) -> None:
    folder = attempt_root(work.settings.warehouse, work.attempt.attempt_id) / model.name
    written = {path.name.removeprefix("dt=") for path in folder.glob("dt=*")}
    if written - set(planned):
        raise CountinghouseError(
            f"{model.name} wrote {sorted(written - set(planned))[:3]}, which nobody planned",
            remedy="restrict the model to its run dates: join {{ run_dates() }} on dt",
        )
