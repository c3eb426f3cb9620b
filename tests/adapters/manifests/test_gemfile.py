"""Ruby's files: gems in plain text are found where they stand, no Ruby is run, and a rewrite changes one alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.manifests import _ruby
from bot.adapters.manifests._file import reading
from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("gemfile")


def read(text: str, path: str = "Gemfile") -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read(path, text))


def names(text: str) -> list[str]:
    return [pin.component.name for pin in FILE.read("Gemfile", text)]


def registries(text: str) -> dict[str, str]:
    return {pin.component.name: pin.component.registry for pin in FILE.read("Gemfile", text)}


def test_gems_are_read_wherever_they_stand() -> None:
    """With and without brackets, over several lines, in blocks and conditions; comments and texts hold none."""
    text = """\
# frozen_string_literal: true
source "https://rubygems.org"
ruby "3.2.1"
gemspec
gem "rails", "7.1.2" # pinned
gem('puma', '~> 6.4', ">= 6.4.1", require: false)
gem "bare"
gem "listed", [">= 1.0", "< 2"]
gem "equal", "= 1.0.0.rc1" unless ENV["CI"]
group :development, :test do
  gem "long",
    # in between
    "2.0",
    require: [
      "long/one",
    ]
  if RUBY_VERSION >= "3" then gem "then", "3.0" else gem "otherwise", "2.0" end
end
=begin
gem "commented", "1.0"
=end
text = <<~EOS
  gem "no", "1.0"
EOS
puts 'gem "no", "1.0"', %w[gem no]
group(:x) { gem %q(percent), %Q{1.0} }
gem "options", "1.0", { require: false,
  group: :x }
gem "last", "1.0";gem "same", "1.0"
__END__
gem "never", "1.0"
"""
    assert read(text) == [
        (5, 6, "rails", "7.1.2"),
        (6, 6, "puma", None),
        (7, 6, "bare", None),
        (8, 6, "listed", None),
        (9, 6, "equal", "1.0.0.rc1"),
        (11, 8, "long", "2.0"),
        (17, 36, "then", "3.0"),
        (17, 59, "otherwise", "2.0"),
        (26, 20, "percent", "1.0"),
        (27, 6, "options", "1.0"),
        (29, 6, "last", "1.0"),
        (29, 24, "same", "1.0"),
    ]
    pins = {pin.component.name: pin for pin in FILE.read("Gemfile", text)}
    assert [pins[name].requirement for name in ("puma", "bare", "listed")] == ["~> 6.4, >= 6.4.1", "", ">= 1.0, < 2"]
    assert {(pin.component.ecosystem, pin.manifest) for pin in pins.values()} == {("gem", "gemfile")}


@pytest.mark.parametrize(
    "line",
    [
        'gem "a", "1.0", path: "x"',
        'gem "a", "1.0", :git => "https://example.org/a.git"',
        'gem "a", "1.0", "git" => "x"',
        'gem "a", "1.0", "git": "x"',
        'gem "a", {github: "x/y"}',
        'gem "a", gist: 1',
        'git_source(:stash) { |name| "https://stash.example/#{name}.git" }\ngem "a", stash: "x"',
        'path "engines" do\n gem "a", "1.0"\nend',
        'git("https://example.org/a.git") { gem "a" }',
        'github "x/y" do\n if true\n gem "a"\n end\nend',
        'gem "a#{1}", "1.0"',
        'gem "a", "#{version}"',
        'gem "a", "~> " + version',
        'gem "a", ENV["VERSION"]',
        'gem "a", *versions',
        'gem "a", **options',
        'gem "a", true ? "1.0" : "2.0"',
        'gem "a", ["1.0", version]',
        'gem "a", ["1.0"] + more',
        'gem "a", "1\\u002e0"',
        'gem name, "1.0"',
        'gem :a, "1.0"',
        "gem",
        'gem "a", "<%= version %>"',
        '%w[a b].each { |name| gem name, "1.0" }',
        'object.gem "a", "1.0"',
        "def gem(name, version) = nil",
        'gem "a", "1.0", source: company',
        'source ENV["SERVER"] do\n gem "a"\nend',
        'source company\ngem "a", "1.0"',
        'V = "1.0"\nV = "2.0"\ngem "a", V',
        'V ||= "1.0"\ngem "a", V',
        'gem "a", "1.0", ' + ", ".join(f"o{n}: {n}" for n in range(200)),
        '<% if x %>\ngem "a", "1.0"\n<% end %>',
        'gem "not a name", "1.0"',
        'x = {gem: "a"}',
    ],
)
def test_what_only_a_run_would_tell_is_left_alone(line: str) -> None:
    """Paths, repositories, expressions, servers without an address, templates."""
    assert read(line + "\n") == []


def test_a_gem_comes_from_the_server_that_is_named() -> None:
    """By its option, its block, or the top of the file; logins are not taken along, and blocks end where they do."""
    text = """\
source "https://user:secret@gems.acme.example/"
gem "top"
source "https://rubygems.org" do
  gem "usual"
  value = if ENV["X"] then 1 end
  while false do
    break
  end
  class << self
    def one(x) = x
    def two=(x)
    end
  end
  gem "still"
end
gem "again"
gem "own", source: "https://gems.other.example"
gem "old", :source => "http://www.rubygems.org/"
source("https://gems.third.example") { gem "braces", require: { a: 1 } }
end
gem "after"
"""
    acme = "https://gems.acme.example"
    assert registries(text) == {
        "top": acme,
        "usual": "",
        "still": "",
        "again": acme,
        "own": "https://gems.other.example",
        "old": "",
        "braces": "https://gems.third.example",
        "after": acme,
    }
    assert registries('source :rubygems\ngem "a"') == {"a": ""}
    assert registries('source ENV["X"] || "https://rubygems.org"\ngem "a"') == {"a": ""}
    assert registries('source "https://rubygems.org"\nsource "https://gems.acme.example"\ngem "a"') == {"a": acme}


def test_a_constant_is_pinned_where_it_is_set() -> None:
    """Once, to a plain text; what several gems share is not edited, and the answer says that only it will do."""
    text = 'RAILS = "7.1.2".freeze\nshared = "1.0"\ngem "rails", RAILS\ngem "a", shared\ngem "b", shared\n'
    assert read(text) == [(1, 10, "rails", "7.1.2"), (2, 11, "a", None), (2, 11, "b", None)]
    assert FILE.read("Gemfile", text)[1].requirement == "= 1.0"
    assert moved(FILE, "Gemfile", text, 0, release("7.1.3")) == text.replace("7.1.2", "7.1.3")


def test_gemspecs_are_read() -> None:
    """What a gem needs, to run and to be worked on."""
    text = """\
$:.push File.expand_path("../lib", __FILE__)
Gem::Specification.new do |spec|
  spec.files = `git ls-files`.split($/).grep(%r{^(lib|bin)/})
  spec.required_ruby_version = ">= 3.0"
  spec.add_dependency "rack", "2.2.8"
  spec.add_runtime_dependency(%q<json>.freeze, ["~> 2.6".freeze, ">= 2.6.1"])
  spec.add_development_dependency 'minitest', '= 5.20.0'
  spec.metadata["a"] = { "b" => "c" } if /['"]/ =~ ?" "x"
end
"""
    assert read(text, "shop.gemspec") == [
        (5, 24, "rack", "2.2.8"),
        (6, 34, "json", None),
        (7, 36, "minitest", "5.20.0"),
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('gem "a", "1.0\n', r"a/Gemfile:1:10: this text is never closed"),
        ("gem 'a'\nx = %w[a\n", r"a/Gemfile:2:5: this text is never closed"),
        ('"#{a', r"a/Gemfile:1:1: this text is never closed"),
        ("x = <<~EOS\ntext\n", r"a/Gemfile:1:5: this heredoc is never closed by EOS"),
        ("#" * 600_000, r"larger than 512 KiB"),
    ],
)
def test_a_broken_file_names_its_place(text: str, where: str) -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=where):
        FILE.read("a/Gemfile", text)


@pytest.mark.parametrize(
    "ruby",
    [
        'a = b / c; d = e / "f"',
        "a.split /'/",
        "x = [/[\\/'\"]/, %r{'\"}i, ?', ?\\n]",
        "%i[a b].each { |x| puts x ? 'y' : %(z (') ) }",
        '"#{a["b"] + \'}\' + "#{c}"} \' "',
        "[:/, :[], :<=>, :'a b', :\"c\"]",
        "puts $', $\"",
        "a <<-'X' + <<Y\n'\n  X\n\"\nY\n",
        "class <<self; end",
        "x = a ?1:2",
        "a = <<~X.lines\n  '\n  X\n",
        "b = 5 % 3; c = d % e",
        "{'a': 1, \"b\":'c'}",
        "`ls '`",
        "# it's\nx = 'y' \\\n  'z'",
        "=begin\n'\n=end",
        "x.nil? && !y!",
    ],
)
def test_ruby_around_a_gem_is_passed_over(ruby: str) -> None:
    """Whatever literals stand before it: where they end is known."""
    assert names(f'{ruby}\ngem "after", "1.0"\n') == ["after"]


@pytest.mark.parametrize(
    "text",
    [
        "gem " * 20_000,
        'gem "a", ' * 10_000 + "x",
        "source(" + "{" * 20_000,
        "{" * 20_000 + " end" * 5_000,
        "def a " * 10_000,
        '"#{' * 20_000 + '}"' * 20_000,
        "<<A\n" + "x\n" * 20_000 + "A\n",
        ("x = <<A\nA\n") * 5_000,
    ],
    ids=lambda text: text[:6],
)
def test_no_file_is_more_work_than_it_is_long(text: str) -> None:
    """Hostile text is read to its end like any other."""
    assert read(text) == []


@pytest.mark.parametrize("version", ['1.0.1", git: "https://evil.example', "#{x}", "~> 1.0", "1.0.1\n"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a gem gets nothing else into a file that is run."""
    text = 'gem "a", "1.0"\n'
    with pytest.raises(ConfigProblem, match=r"Gemfile:1: would not be read as pinning a to "):
        FILE.rewrite(text, FILE.read("Gemfile", text)[0], release(version))


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("Gemfile", True),
        ("api/Gemfile", True),
        ("gems.rb", True),
        ("gemfiles/rails_7.gemfile", True),
        ("shop.gemspec", True),
        ("Gemfile.lock", False),
        ("vendor/bundle/a/Gemfile", False),
        ("lib/gem.rb", False),
    ],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Installed gems are not ours to edit."""
    assert FILE.matches(path) is ours


SIGNS = st.sampled_from(" \n\"'#{}/[]():?\\,=.x")
WORDS = st.sampled_from(
    [
        "#{",
        "%w",
        "<<A\n",
        "A\n",
        "=>",
        "||",
        ' gem "a"',
        "gem",
        "source ",
        "do",
        "end",
        "def ",
        "if ",
        ' "1.0"',
        " git: ",
    ]
)
MORE_WORDS = st.sampled_from(
    ["freeze", "ENV", "while ", ".add_dependency ", "=begin\n", "\n=end\n", "x = ", '"b"', "]"]
)


@given(st.lists(SIGNS | WORDS | MORE_WORDS, max_size=25))
def test_any_text_is_read_or_refused(parts: list[str]) -> None:
    """Whatever stands there: tokens and pins stand where they say, or the person is told a place."""
    text = "".join(parts)
    try:
        tokens = _ruby.tokens(reading("a", text, "gemfile"))
        pins = FILE.read("Gemfile", text)
    except ConfigProblem as problem:
        assert problem.where
        return
    places = [one.text.at for one in tokens]
    assert places == sorted(places)
    assert all(text.startswith(one.text.value, one.text.at) for one in tokens)
    named = {pin.component.name for pin in pins}
    assert all(f"'{one}'" in text or f'"{one}"' in text for one in named)


GEMS = st.tuples(VERSIONS, st.integers(0, 4), st.sampled_from(['"', "'"]), st.sampled_from([" ", "  "]), st.booleans())


def written(gems: list[tuple[str, int, str, str, bool]], end: str) -> str:
    text = ['source "https://rubygems.org"', '# gem "x", "1.0.0"']
    for number, (version, form, quote, blank, sign) in enumerate(gems):
        name, value = f"{quote}g{number}{quote}", f"{quote}{'= ' if sign else ''}{version}{quote}"
        text += [
            [f"gem{blank}{name},{blank}{value} # '1.0.0'"],
            [f"group :x do |y|{blank}", f"{blank}gem({blank}{name}{blank},{value}, require: '1.0.0')", "end"],
            [f"gem {name},{blank}", "# '1.0.0', git: 'x'", f"  {value},{blank}", "  platforms: %i[mri]"],
            [f"v{number} = {value}", f"gem {name}, v{number}"],
            [f"gem {name}, [{blank}{value}{blank}] if x{blank}"],
        ][form]
    return end.join([*text, "gem 'end', '~> 1.0.0'", ""])


@given(st.lists(GEMS, min_size=1, max_size=4), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    gems: list[tuple[str, int, str, str, bool]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the forms, quotes, comments and line ends: as if the new version had been written at once."""
    text = mark + written(gems, end)
    at = data.draw(st.integers(0, len(gems) - 1))
    after = moved(FILE, "Gemfile", text, at, release(version))
    gems[at] = (version, *gems[at][1:])
    assert after == mark + written(gems, end)
