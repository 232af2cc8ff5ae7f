"""Downloads a data set's parquet files from the Hugging Face hub into a folder. Knows nothing of their content."""

from __future__ import annotations

from pathlib import Path

from common import DataError, UnreachableError, first_line
from training.data.own_folder import refuse_others

HUB_DATASET = "ashraq/fashion-product-images-small"
"""The data set that is downloaded when no other is named."""
KAGGLE = "https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small"
TIMEOUT_S = 5
"""How long the hub may take to answer at all."""


def download_dataset(folder: Path, repo: str = HUB_DATASET) -> Path:
    """Download the parquet files of the data set `repo` into `folder`, and return it for `open_dataset`.

    Files that are there are kept, and a partial file is continued. The hub is the one that HF_ENDPOINT names; its
    client shows the progress. Without a hub (or with HF_HUB_OFFLINE) a folder that was downloaded earlier is enough.

    Raises:
        DataError: the hub knows no such data set; says how to get the data by hand.
        UnreachableError: it does not answer, or fails on the way.
    """
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

    page = f"{constants.ENDPOINT}/datasets/{repo}"
    by_hand = (
        f"or by hand: fetch the .zip from {KAGGLE}"
        if repo == HUB_DATASET
        else f"or by hand: fetch the files from {page}"
    )
    unreachable: Exception | None = None
    try:
        # Asked first, because snapshot_download asks without a time limit and tries again and again.
        HfApi().dataset_info(repo, timeout=TIMEOUT_S)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise DataError(
            f"the hub {constants.ENDPOINT} gives us no data set {repo!r} ({first_line(error)}); check the name, "
            f"log in if it is private, {by_hand}"
        ) from error
    except Exception as error:  # the base class of transport errors differs between releases of the client
        unreachable = error
    if unreachable is None and not (folder / ".cache").is_dir():  # where the hub's client notes what it wrote
        refuse_others(folder, (), "--out", DataError)
    complete = True
    try:
        snapshot_download(
            repo,
            repo_type="dataset",
            local_dir=folder,
            allow_patterns="*.parquet",
            local_files_only=unreachable is not None,
        )
    except Exception as error:
        if unreachable is None:
            raise UnreachableError(
                f"the download of {repo} into {folder} stopped ({type(error).__name__}: {first_line(error)}); "
                f"run it again to go on from there, {by_hand}"
            ) from error
        complete = False
    if unreachable is not None:
        complete = complete and not any(folder.rglob("*.incomplete"))
    if complete and any(folder.rglob("*.parquet")):
        return folder
    if unreachable is None:
        raise DataError(f"{page} has no parquet file; choose a data set that has, {by_hand}")
    why = "HF_HUB_OFFLINE is set" if isinstance(unreachable, OfflineModeIsEnabled) else first_line(unreachable)
    raise UnreachableError(
        f"the hub {constants.ENDPOINT} cannot be reached ({why}) and {folder} does not hold all of {repo}; "
        f"try again with a network or set HF_ENDPOINT, {by_hand}"
    ) from unreachable
