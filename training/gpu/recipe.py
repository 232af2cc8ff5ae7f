"""The recipe of a run on a GPU. Its defaults are those of the shipped model (docs/training-gpu.json)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from training.languages import Language


class Recipe(BaseModel):
    """How the weights are found. Fractions are between 0 and 1; the length of a run is no part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_size: int = Field(default=1024, ge=2)
    """Pairs in a step; each pair's negatives are the others of its batch."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak rate of the projections, the heads and the temperature, per step."""
    tower_learning_rate: float = Field(default=5e-4, gt=0)
    """Peak rate of the towers' top layers, per step."""
    layer_decay: float = Field(default=0.8, gt=0, le=1)
    """Each layer of a tower learns this much slower than the one above it (arXiv 2212.06138)."""
    weight_decay: float = Field(default=0.1, ge=0)
    """AdamW's, on matrices only; embeddings have none."""
    beta2: float = Field(default=0.98, gt=0, lt=1)
    """AdamW's decay of squared gradients, per step."""
    warmup: float = Field(default=0.05, gt=0, lt=1)
    """Fraction of the run's time in which the rates rise; then they fall as a cosine."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradient's norm is cut to this."""
    ema: float = Field(default=0.998, gt=0, lt=1)
    """Decay per step of the average of the weights, which is what is validated and kept."""
    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a mirror image: a product is the same one from either side."""
    crop: float = Field(default=0.5, gt=0, le=1)
    """The smallest fraction of a picture's area that a random crop keeps."""
    ratio: float = Field(default=0.25, ge=0)
    """Logarithm of the largest change of a crop's aspect, either way."""
    light: float = Field(default=0.1, ge=0, lt=0.5)
    """Brightness, contrast and saturation vary by up to this fraction; no hue, so that a colour keeps its name."""
    erase: float = Field(default=0.2, ge=0, le=1)
    """Probability that a rectangle of a picture is replaced by a grey (arXiv 1708.04896)."""
    mix: float = Field(default=0.25, ge=0, le=1)
    """Probability that a batch's pictures get a rectangle of another one, and its text as a target in that share
    (cutmix, arXiv 1905.04899)."""
    patch_dropout: float = Field(default=0.5, ge=0, lt=1)
    """Fraction of a picture's patches that are left out, at random (FLIP, arXiv 2212.00794)."""
    path_dropout: float = Field(default=0.15, ge=0, lt=1)
    """Probability that the image tower's last layer is left out for a picture, less for lower ones (stochastic depth,
    arXiv 1603.09382)."""
    word_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Fraction of a text's tokens that are left out, at random; the first one stays."""
    text_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout of the text tower's states."""
    title_share: float = Field(default=0.4, ge=0, le=1)
    """Probability of the plain title instead of any of the wordings."""
    captions: tuple[str, ...] = ("gender", "usage", "baseColour", "articleType", "subCategory", "masterCategory")
    """Attributes that wordings are made of; those that the data set lacks are passed over."""
    caption_keep: float = Field(default=0.25, gt=0, le=1)
    """Probability of each of `captions` behind a title that does not say it."""
    caption_alone: float = Field(default=0.2, ge=0, le=1)
    """Probability that a wording is only one or two of `captions`, as people search."""
    languages: tuple[Language, ...] = ()
    """Languages that wordings other than the plain title are written in, of English titles only."""
    language_share: float = Field(default=0.5, ge=0, le=1)
    """Probability that such a wording is in one of `languages`."""
    caption_draws: int = Field(default=8, ge=1)
    """Wordings of a title, the plain one included, that are made and tokenised once."""
    max_tokens: int = Field(default=28, ge=4)
    """Tokens to which every text is cut or padded: one shape, so that layers are compiled once."""
    heads: tuple[str, ...] = (
        "gender",
        "usage",
        "baseColour",
        "articleType",
        "subCategory",
        "season",
        "masterCategory",
    )
    """Attributes that linear heads over the image tower predict; those that the data set lacks are passed over."""
    head_weight: float = Field(default=0.1, ge=0)
    """Weight of their mean cross-entropy in the loss."""
    word_weight: float = Field(default=0.05, ge=0)
    """Weight in the loss of the cross-entropy of a title's words, weighted by rarity, as a linear head over the image
    tower predicts them."""
    word_count: int = Field(default=3, ge=1)
    """A word is predicted if this many different titles have it."""
    validate_epochs: int = Field(default=15, ge=1)
    """Epochs from one validation to the next; the end of the run is always validated."""
    seed: int = 0
    """Of the order of the pairs, the heads, augmentation and dropout."""
