"""A run folder opened for one plan: locked, its store open, its models recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from steelyard.errors import CredentialError, StorageError, UntrustedKeyError
from steelyard.model import Model, ModelSpec, load_model, provider_of
from steelyard.model.answer_cache import open_cache
from steelyard.model.prices import Overrides, price_of
from steelyard.planning.identity import check_identity
from steelyard.planning.plan import Plan
from steelyard.progress import Display
from steelyard.score.base import ModelMetric
from steelyard.store import folder as files
from steelyard.store.budget import Budget, former_prices, prices_of
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder
from steelyard.weigh.kept import with_kept
from steelyard.weigh.steps import RunSteps

TASK_FOLDER = "task_folder"
"""The key under which a run's store keeps where its task lay, for what reads the rows again."""


def check_trust(plan: Plan) -> None:
    """Refuse, before anything is spent, to send a key where the user has not agreed to.

    Raises `UntrustedKeyError`. A key that is missing shows when the model is asked.
    """
    for model in plan.all_models:
        if (check_key := provider_of(model.spec).check_key) is not None:
            try:
                check_key(model.spec)
            except UntrustedKeyError:
                raise
            except CredentialError:
                continue


@contextmanager
def open_run(plan: Plan, folder: Path, display: Display) -> Iterator[RunSteps]:
    """Open ``folder`` for ``plan``, new or to go on, and yield the steps of the run.

    Raises `StorageError` for a folder that another run made or is using, `ConfigError` for a cap on
    money that cannot be counted, and `CredentialError` for a judge without its key.
    """
    files.make_folder(folder)
    files.check_ours(folder)
    with files.locked(folder), files.storage_guard(folder):
        if plan.options.no_cache:
            _refuse_other_task(plan, folder)
            files.clear_run(folder)
        files.close_run(folder)
        store = Store.in_folder(folder)
        try:
            yield _steps(plan, folder, store, display)
        finally:
            store.close()


def with_former(plan: Plan, folder: Path) -> Plan:
    """Add to ``plan`` what a run of it would find measured in ``folder``; nothing is written.

    Raises `StorageError` where the run would refuse the folder.
    """
    store = None if plan.options.no_cache else Store.of_former_run(folder)
    if store is None:
        return plan
    with closing(store):
        former = store.run()
        if former is None:
            return plan
        return with_kept(plan, check_identity(former.identity, plan, folder), store, folder)


def _refuse_other_task(plan: Plan, folder: Path) -> None:
    """Refuse to discard the run of another task. A damaged database may go, another file may not."""
    try:
        store = Store.of_former_run(folder)
    except StorageError:
        if files.is_database(folder):
            return
        raise
    former = None if store is None else store.run()
    if store is not None:
        store.close()
    if former is not None and former.task != plan.task.name:
        raise StorageError(
            f"{folder} contains a run of another task, {former.task!r}: choose another --out"
        )


def _steps(plan: Plan, folder: Path, store: Store, display: Display) -> RunSteps:
    former = store.run()
    identity = check_identity(None if former is None else former.identity, plan, folder)
    run = store.begin(plan.task.name, identity)
    store.set_meta(TASK_FOLDER, str(plan.task.folder))
    recorder = _recorder(plan, store)  # what is only kept is asked nothing, and needs no price
    plan = with_kept(plan, identity, store, folder)
    build_model = model_builder(recorder, load_model, plan.prices)
    for metric in plan.metrics:
        if isinstance(metric, ModelMetric):
            metric.connect(build_model)
    return RunSteps(
        plan=plan,
        folder=folder,
        store=store,
        run=run,
        display=display,
        metrics=plan.metrics,
        build_model=build_model,
    )


def _recorder(plan: Plan, store: Store) -> Recorder:
    cap = plan.options.max_cost
    prices = prices_of((model.spec, model.price) for model in plan.all_models)
    former = former_prices(store, prices, plan.prices)
    cache = None if plan.options.no_cache else open_cache()
    return Recorder(store, None if cap is None else Budget(cap, prices, former), cache)


def model_builder(
    recorder: Recorder, load: Callable[[ModelSpec], Model], prices: Overrides | None = None
) -> Callable[[ModelSpec], Model]:
    """Return what builds models under ``recorder``: each spec once, and only when it is asked.

    ``prices`` are the user's: a tuned model did not exist when the run began, so its price is taken in
    now.
    """
    models: dict[str, Model] = {}

    def build(spec: ModelSpec) -> Model:
        key = repr(sorted(spec.to_dict().items()))
        if key not in models and spec.tuned_from is not None:
            recorder.add_price(spec.account, price_of(spec, prices))
        return models.setdefault(key, recorder.later(lambda: load(spec)))

    return build
