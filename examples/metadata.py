"""Two variants of a page as typed website metadata: their tags for the page's head, and the experiment to create.

Run it with `python examples/metadata.py`; post the JSON it ends with to /api/v1/experiments.
"""

from __future__ import annotations

import json
from typing import Any

from assay.metadata import WEBSITE_METADATA, InvalidMetadata, WebsiteMetadata, head_tags


def present() -> WebsiteMetadata:
    """The page as it is."""
    return (
        WebsiteMetadata.builder()
        .title("Rain shoes – Example Shop")
        .description("Shoes for rain.")
        .open_graph(image="https://shop.example/shoe.png")
        .theme_color("#0a7d5c")
        .build()
    )


def proposed() -> WebsiteMetadata:
    """The page as it might do better."""
    return (
        WebsiteMetadata.builder()
        .title("Dry feet in any weather – Example Shop")
        .description("Light shoes that keep the rain out, mended for free for two years.")
        .open_graph(
            type="website",
            site_name="Example Shop",
            image={
                "url": "https://shop.example/puddle.png",
                "width": 1200,
                "height": 630,
                "alt": "A shoe in a puddle",
            },
        )
        .twitter("summary_large_image", site="@exampleshop")
        .json_ld({"@context": "https://schema.org", "@type": "Product", "name": "Rain shoe"})
        .headline("Rain? Run.")
        .call_to_action("Try them on", url="/try", background="#0a7d5c", color="white")
        .color("primary", "#0a7d5c")
        .theme_color("#0a7d5c")
        .build()
    )


def experiment() -> dict[str, Any]:
    """The body for POST /api/v1/experiments. With this schema, a mistake in a config is refused by name."""
    return {
        "id": "rain-shoes",
        "name": "What the page of the rain shoes says",
        "type": "content",
        "config_schema": WEBSITE_METADATA,
        "variants": [
            {"id": "control", "config": present().to_config()},
            {"id": "dry-feet", "config": proposed().to_config(), "author": "anna", "version": "2", "tags": ["seo"]},
        ],
        "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
    }


def mistakes() -> list[str]:
    """What the builder says of a colour and an address that are none."""
    try:
        WebsiteMetadata.builder().theme_color("greenish").canonical_url("javascript:alert(1)").build()
    except InvalidMetadata as error:
        return [str(problem) for problem in error.problems]
    return []


if __name__ == "__main__":
    for variant in experiment()["variants"]:
        print(f"<!-- {variant['id']} -->\n{head_tags(variant['config'])}\n")
    print("A wrong field is named:", *mistakes(), sep="\n  ")
    print(f"\n{json.dumps(experiment(), indent=2, ensure_ascii=False)}")
