"""Website metadata: typed, checked, built step by step, kept as a variant's config, written as tags for a head."""

from assay.metadata.builder import Builder
from assay.metadata.fields import InvalidMetadata
from assay.metadata.head import head_tags, html_attributes
from assay.metadata.parts import (
    Animation,
    CallToAction,
    Filter,
    Image,
    Layout,
    MetaTag,
    OpenGraph,
    Picture,
    TwitterCard,
    Typography,
)
from assay.metadata.website import WEBSITE_METADATA, WebsiteMetadata

__all__ = [
    "WEBSITE_METADATA",
    "Animation",
    "Builder",
    "CallToAction",
    "Filter",
    "Image",
    "InvalidMetadata",
    "Layout",
    "MetaTag",
    "OpenGraph",
    "Picture",
    "TwitterCard",
    "Typography",
    "WebsiteMetadata",
    "head_tags",
    "html_attributes",
]
