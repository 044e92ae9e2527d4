"""The pages of the site, for mkdocs: files keep their places in the repository, so that their links hold in both."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_PAGES = ("*.md", "docs/*.md", "recipes/**/*.md", "benchmarks/*.md")
_LINKED = ("LICENSE", "recipes/**/*.yaml")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of ``docs/`` by those of the repository, and leave the theme's own as they are."""
    root = Path(config.config_file_path).parent
    for file in [file for file in files if Path(file.abs_src_path or "").is_relative_to(config.docs_dir)]:
        files.remove(file)
    for path in sorted(path for pattern in (*_PAGES, *_LINKED) for path in root.glob(pattern)):
        files.append(File.generated(config, path.relative_to(root).as_posix(), abs_src_path=str(path)))
    return files
