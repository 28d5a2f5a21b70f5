"""Joint search over clusters and trees: against the sum over every partition and every tree."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from math import lgamma, log

import numpy as np
import pytest
from clone_tree_cases import clustering
from joint_cases import shared_error

import phylometa.joint.infer as joint_module
from phylometa.clone_trees.infer import infer_clone_trees
from phylometa.clone_trees.likelihood import log_prior_mass, messages, read_model, tree_log_likelihood
from phylometa.clone_trees.presence import draw_proportions
from phylometa.clustering.partitions import log_cluster_count_prior
from phylometa.config import MigrationSettings, ObservationSettings, Settings, TreeSettings
from phylometa.joint._presence import draw_sample
from phylometa.joint.infer import infer_jointly
from phylometa.migration import infer_migration_histories
from phylometa.migration.scoring import simplicity_cost, tree_cost
from phylometa.model.clone_tree import CloneTree
from phylometa.model.joint_posterior import JointPosterior
from phylometa.model.patient import CopyNumberAtLoci, MutationTable
from phylometa.reads.observation import observe

# Classes are weighed as 20 to 2 to 1, and no copy-number state was missed: what can be enumerated. Chains make all
# their moves, and every draw is kept.
CLASSES = ObservationSettings(clone_prior=20.0, artefact_prior=1.0, tail_prior=2.0, missed_state=1e-300)
SETTINGS = replace(
    Settings(),
    observation=CLASSES,
    trees=TreeSettings(
        presence_weight_sd=0.0,
        joint_sweeps=4000,
        joint_chains=2,
        joint_draws=400,
        joint_error=0.0,
        max_scenarios=100,
    ),
)


def table(alt, depth):
    alt = np.asarray(alt)
    names = tuple(f"m{i}" for i in range(len(alt)))
    return MutationTable(names, tuple(f"s{j}" for j in range(alt.shape[1])), alt, np.full(alt.shape, depth))


def partitions(n, n_null):
    """Every assignment of n mutations to clusters, numbered by first mutation, and null classes -1, -2, ..."""
    for labels in itertools.product(range(-n_null, n), repeat=n):
        if max(labels) >= 0 and all(
            label <= max((*labels[:i], -1)) + 1 for i, label in enumerate(labels) if label >= 0
        ):
            yield np.array(labels)


def observed(mutations, settings):
    n, n_samples = mutations.depth.shape
    return observe(
        mutations,
        CopyNumberAtLoci.diploid(n, n_samples),
        np.ones(n_samples),
        np.arange(n_samples),
        np.arange(int(1.1 * settings.grid + 0.5) + 1) / settings.grid,
        precision=np.inf,
        settings=CLASSES,
        ccf_settings=SETTINGS.ccf,
    )


def distinct_partitions(labels, parents, model):
    """(labels, probability) after every clone without a population and with one child has been merged with that child.

    With no population of its own a clone has its child's prevalence: P(u has none) is the evidence of the tree with
    both as one clone, over that of the tree; P(exactly these have none) follows by inclusion and exclusion.
    """
    k = len(parents)
    single = [u for u in range(k) if sum(parent == u for parent in parents) == 1]

    def merged(gone):
        likelihood, above, stands_for = model.likelihood.copy(), list(parents), list(range(k))
        for u in sorted(gone, key=lambda u: depth_of(parents, u)):
            child = next(v for v in range(k) if above[v] == u)
            likelihood[child] *= likelihood[u]
            above[child] = above[u]
            stands_for = [child if other == u else other for other in stands_for]
        kept = [v for v in range(k) if v not in gone]
        rank = {v: i for i, v in enumerate(kept)}
        own = replace(model, likelihood=likelihood[kept], observed=model.observed[kept], sd=model.sd[kept])
        value = tree_log_likelihood(np.array([rank.get(above[v], -1) for v in kept]), own)
        return np.where(labels >= 0, np.array(stands_for)[np.maximum(labels, 0)], labels), value

    subsets = [set(c) for size in range(len(single) + 1) for c in itertools.combinations(single, size)]
    found = {frozenset(gone): merged(gone) for gone in subsets}
    whole = found[frozenset()][1]
    for gone in subsets:
        exactly = sum(
            (-1) ** len(more - gone) * np.exp(found[frozenset(more)][1] - whole) for more in subsets if more >= gone
        )
        yield found[frozenset(gone)][0], exactly


def depth_of(parents, u):
    return 0 if parents[u] < 0 else 1 + depth_of(parents, parents[u])


def exact_states(mutations, settings):
    """Probability of every partition with every tree, as {(labels, parents): p}, and each partition's reads."""
    n, n_samples = mutations.depth.shape
    items = observed(mutations, settings)
    scores, models = {}, {}
    for labels in partitions(n, items.null.shape[1]):
        k = labels.max() + 1
        alt = np.array([mutations.alt_counts[labels == c].sum(axis=0) for c in range(k)], dtype=float)
        total = np.array([mutations.depth[labels == c].sum(axis=0) for c in range(k)], dtype=float)
        model = read_model(alt, total, settings=settings)
        # the maximum of each cluster's likelihood is not tempered, only its shape is
        tops = 0.0
        vaf = settings.error_rate + model.prevalence * (0.5 - settings.error_rate)
        for c in range(k):
            curve = alt[c][:, None] * np.log(vaf) + (total[c] - alt[c])[:, None] * np.log1p(-vaf)
            tops += curve.max(axis=1).sum() + shared_error(alt[c], total[c], settings)
        of_class = [(labels >= 0).sum(), (labels == -1).sum(), (labels < -1).sum()]
        pseudo = (CLASSES.clone_prior, CLASSES.artefact_prior, CLASSES.tail_prior)
        prior = sum(lgamma(count + a) for count, a in zip(of_class, pseudo))
        prior += sum(items.null[i, -1 - label] for i, label in enumerate(labels) if label < 0)
        prior += sum(lgamma(size) for size in np.bincount(labels[labels >= 0]))
        prior -= (k - 1) * log(k) + log_prior_mass(model)
        prior += log_cluster_count_prior(
            int(of_class[0]), SETTINGS.clustering.concentration, SETTINGS.clustering.concentration_log_sd
        )[k]
        for parents in itertools.product(range(-1, k), repeat=int(k)):
            if sum(parent < 0 for parent in parents) != 1:
                continue
            try:
                value = tree_log_likelihood(np.array(parents), model) - model.log_scale.sum()
            except ValueError:
                continue
            scores[tuple(labels), parents] = value + tops + prior
            models[tuple(labels)] = model
    whole = np.logaddexp.reduce(list(scores.values()))
    return {state: float(np.exp(score - whole)) for state, score in scores.items()}, models


def options_of(item, items):
    """Every choice of options of an item (S,), with its log prior."""
    n_samples = items.alt.shape[1]
    missed = np.exp(items.log_missed[item])
    annotated = range(items.n_annotated)
    first = [items.group[item].tolist().index(g) for g in range(items.group[item].max() + 1)]
    for chosen in itertools.product(annotated, repeat=len(first)):
        prior = np.log1p(-missed) + sum(items.log_prior[item, s, o] for s, o in zip(first, chosen))
        if np.isfinite(prior):
            yield np.array([chosen[g] for g in items.group[item]]), prior
    for o in range(items.n_annotated, items.log_prior.shape[2]):
        prior = np.log(missed) + items.log_prior[item, 0, o]
        if np.isfinite(prior):
            yield np.full(n_samples, o), prior


def exact_option_states(items, settings, observation):
    """Probability of every partition with every tree and every choice of options, {(labels, parents, options): p}."""
    n, n_samples = items.alt.shape
    choices = [list(options_of(i, items)) for i in range(n)]
    scores = {}
    for labels in partitions(n, items.null.shape[1]):
        k = int(labels.max()) + 1
        placed = [i for i in range(n) if labels[i] >= 0]
        of_class = [len(placed), (labels == -1).sum(), (labels < -1).sum()]
        pseudo = (observation.clone_prior, observation.artefact_prior, observation.tail_prior)
        prior = sum(lgamma(count + a) for count, a in zip(of_class, pseudo))
        prior += sum(items.null[i, -1 - label] for i, label in enumerate(labels) if label < 0)
        prior += sum(lgamma(size) for size in np.bincount(labels[labels >= 0])) - (k - 1) * log(k)
        prior += log_cluster_count_prior(
            len(placed), SETTINGS.clustering.concentration, SETTINGS.clustering.concentration_log_sd
        )[k]
        zeros = np.zeros((k, n_samples))
        empty = read_model(zeros, zeros, settings=settings)
        prior -= log_prior_mass(empty)
        trees = [p for p in itertools.product(range(-1, k), repeat=k) if sum(parent < 0 for parent in p) == 1]
        for chosen in itertools.product(*(choices[i] for i in placed)):
            tops, likelihood = 0.0, np.empty_like(empty.likelihood)
            for c in range(k):
                mine = [(i, o) for i, (o, _) in zip(placed, chosen) if labels[i] == c]
                at = np.arange(n_samples)
                curve = sum(items.curves[i, at, o] for i, o in mine)
                alt = sum(items.alt[i] for i, _ in mine)
                total = sum(items.total[i, at, o] for i, o in mine)
                enough = 0.75 / settings.ccf_error**2
                flat = (enough / (enough + total))[:, None] * (curve - curve.max(axis=1, keepdims=True))
                likelihood[c] = np.exp(np.maximum(flat, -settings.outlier_cost))
                tops += curve.max(axis=1).sum() + shared_error(alt, total, settings)
            model = replace(empty, likelihood=likelihood, log_scale=np.zeros(n_samples))
            options = tuple(tuple(o.tolist()) for o, _ in chosen)
            for parents in trees:
                try:
                    value = tree_log_likelihood(np.array(parents), model)
                except ValueError:
                    continue
                scores[tuple(labels), parents, options] = value + tops + prior + sum(x for _, x in chosen)
    whole = np.logaddexp.reduce(list(scores.values()))
    return {state: float(np.exp(score - whole)) for state, score in scores.items()}


def exact_posterior(mutations, settings):
    """P(same cluster) by summing over all partitions and trees."""
    states, models = exact_states(mutations, settings)
    same = np.zeros((mutations.n_mutations, mutations.n_mutations))
    for (labels, parents), weight in states.items():
        for distinct, share in distinct_partitions(np.array(labels), parents, models[labels]):
            same += weight * share * (np.equal.outer(distinct, distinct) & (distinct >= 0))
    return same


def start_of(mutations, labels):
    labels = np.asarray(labels)
    k = labels.max() + 1
    alt = np.array([mutations.alt_counts[labels == c].sum(axis=0) for c in range(k)], dtype=float)
    total = np.array([mutations.depth[labels == c].sum(axis=0) for c in range(k)], dtype=float)
    clusters = clustering(alt * 2 / total, depth=total, sizes=np.bincount(labels), alt=alt)
    names = [f"site{i}" for i in range(alt.shape[1])]
    return infer_clone_trees(
        clusters, np.arange(len(names)), names, settings=SETTINGS.trees, rng=np.random.default_rng(1)
    )


def run(mutations, labels, settings=SETTINGS, seed=1, primary=None):
    n, n_samples = mutations.depth.shape
    return infer_jointly(
        mutations,
        CopyNumberAtLoci.diploid(n, n_samples),
        np.ones(n_samples),
        np.arange(n_samples),
        labels=np.asarray(labels),
        trees=start_of(mutations, labels),
        settings=settings,
        rng=np.random.default_rng(seed),
        primary=primary,
    )


def counted(*arrays):
    """How often each combination of the arrays' rows occurs, as tuples."""

    def frozen(row):
        return tuple(map(frozen, row)) if isinstance(row, list) else row

    return Counter(zip(*([frozen(np.asarray(row).tolist()) for row in rows] for rows in arrays)))


def long_chains(shorter):
    moves = {"joint_sweeps": 200_000 // shorter, "joint_moves": 600_000 // shorter, "joint_draws": 40_000 // shorter}
    return replace(SETTINGS.trees, joint_rounds=1, **moves)


@pytest.mark.system  # the fast suite has every state with every option, of two mutations
def test_draws_follow_the_exact_posterior():
    mutations = table([[20, 19], [21, 14], [9, 2], [5, 6]], 40)
    # the error of 1,200 draws is a quarter of what is allowed
    trees = replace(SETTINGS.trees, joint_sweeps=12_000, joint_draws=1_200)
    joint = run(mutations, [0, 0, 1, 1], replace(SETTINGS, trees=trees))
    np.testing.assert_allclose(joint.same_cluster, exact_posterior(mutations, SETTINGS.trees), atol=0.05)


# Mutations, chains shorter by this, distance allowed: fewer states are met in shorter chains.
FEW, MANY = (12, 0.04), (1, 0.03)


@pytest.mark.slow  # the fast suite has every state with every option, of two mutations
@pytest.mark.parametrize(("n", "shorter", "most"), [(3, *FEW), (4, *MANY)])
def test_every_state_is_as_frequent_as_it_is_probable(monkeypatch, n, shorter, most):
    rng = np.random.default_rng(2)
    vaf = [[0.5, 0.5], [0.4, 0.35], [0.1, 0.0], [0.2, 0.1]]
    mutations = table(rng.binomial(20, vaf[:n]), 20)
    states, _ = exact_states(mutations, SETTINGS.trees)
    drawn = []
    monkeypatch.setattr(joint_module, "_summarise", lambda chains, *_: drawn.append(chains))
    # a bad start: everything one cluster; draws before clones without a population are merged
    settings = long_chains(shorter)
    run(mutations, [0] * n, replace(SETTINGS, trees=settings))
    every = np.arange(n)
    found = Counter()
    for (labels, parents), count in counted(drawn[0].labels, drawn[0].parents).items():
        draw, _ = joint_module._draw(np.array(labels), np.array(parents), every)
        found[tuple(draw[0].tolist()), tuple(draw[1].tolist())] += count
    assert set(found) <= set(states)
    distance = 0.5 * sum(abs(found[state] / found.total() - p) for state, p in states.items())
    assert distance < most
    of_class = np.zeros(3)
    for (labels, _), p in states.items():
        of_class += p * np.array([sum(x >= 0 for x in labels), labels.count(-1), sum(x < -1 for x in labels)])
    assert of_class[1] > 0.02 and of_class[2] > 0.02  # there is something to be wrong about


def weight_of_histories(labels, parents, steps, settings, known):
    """e^-(c U + d mu + gamma + 2 sigma) of the simplest optimal history of a tree with proportions, of all listed."""
    _, above, kept = joint_module._without_duplicates(labels, parents, steps)
    present = steps[kept] >= int(settings.trees.presence_threshold * settings.trees.grid + 1e-9) + 1
    key = above.tobytes(), present.tobytes()
    if key not in known:
        tree = CloneTree(tuple(map(str, range(len(above)))), above)
        found = infer_migration_histories(tree, present, primary=0, alternatives=False)
        assert found.complete
        least = min(simplicity_cost(settings.migration, h.comigrations, h.seeding_sites) for h in found.histories)
        cost = tree_cost(settings.migration, found.criteria["unobserved"], found.criteria["migrations"])
        known[key] = np.exp(-cost - least)
    return known[key]


@pytest.mark.system
def test_histories_weigh_the_states(monkeypatch):
    """Against the sum over states, each with the mean weight of the histories of its presence."""
    rng = np.random.default_rng(2)
    mutations = table(rng.binomial(20, [[0.5, 0.5, 0.5], [0.2, 0.4, 0.4], [0.0, 0.15, 0.1]]), 20)
    states, models = exact_states(mutations, SETTINGS.trees)
    known, weighed = {}, {}
    heavy = replace(SETTINGS, migration=MigrationSettings(tree_migration_weight=2.0, comigration_weight=2.0))
    for (labels, parents), p in states.items():
        if p > 1e-6 and max(labels) >= 0:
            all_steps, _ = draw_proportions(np.array(parents), models[labels], 400, rng=rng)
            given = (np.array(labels), np.array(parents))
            weights = [weight_of_histories(*given, steps, heavy, known) for steps in all_steps]
            weighed[labels, parents] = p * float(np.mean(weights))
    whole = sum(weighed.values())
    drawn = []
    monkeypatch.setattr(joint_module, "_summarise", lambda chains, *_: drawn.append(chains))
    settings = replace(SETTINGS.trees, joint_sweeps=200_000, joint_moves=150_000, joint_draws=4_000, joint_rounds=1)
    run(mutations, [0, 0, 0], replace(heavy, trees=settings), primary=0)
    every, found = np.arange(3), Counter()
    for labels, parents in zip(drawn[0].labels, drawn[0].parents):
        draw, _ = joint_module._draw(labels, parents, every)
        found[tuple(draw[0].tolist()), tuple(draw[1].tolist())] += 1
    chains = found.total()
    distance = 0.5 * sum(abs(found[state] / chains - p / whole) for state, p in weighed.items())
    unweighed = 0.5 * sum(abs(states[state] - p / whole) for state, p in weighed.items())
    assert unweighed > 0.1  # histories matter
    assert distance < 0.05


def test_proportions_follow_forward_filtering_and_backward_sampling():
    """The compiled draw of one sample against `draw_proportions`, by the joint distribution of presence."""
    rng = np.random.default_rng(5)
    parents = np.array([-1, 0, 0, 0, 1])
    total = np.full((5, 1), 60.0)
    alt = np.array([[30.0], [9.0], [6.0], [5.0], [3.0]])
    model = read_model(alt, total, settings=SETTINGS.trees)
    steps, sums = draw_proportions(parents, model, 4000, rng=rng)
    upward, forests, _ = messages(parents, model)
    every = np.concatenate([upward, forests[-1:]])
    rooted = np.array([5, 0, 0, 0, 1, -1])
    drawn, of_sample = np.zeros((5, 1), dtype=np.int64), np.zeros(1, dtype=np.int64)
    found = []
    for _ in range(4000):
        uniforms = rng.random((2, 6, 1))
        draw_sample(0, rooted, every, model.founder, model.slab, uniforms, drawn, of_sample)
        found.append([*drawn[:, 0].tolist(), int(of_sample[0])])
    expected = np.column_stack([steps[:, :, 0], sums[:, 0]])
    np.testing.assert_allclose(np.mean(found, axis=0), expected.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(np.cov(np.array(found).T), np.cov(expected.T), atol=2.0)
    of_pattern = [Counter(map(tuple, (np.array(rows)[:, :5] > 0).tolist())) for rows in (found, expected)]
    assert 0.5 * sum(abs(of_pattern[0][key] - of_pattern[1][key]) for key in {*of_pattern[0], *of_pattern[1]}) < 200


@pytest.mark.parametrize(("n", "shorter", "most"), [(2, *FEW), pytest.param(3, *MANY, marks=pytest.mark.slow)])
def test_options_are_as_frequent_as_they_are_probable(monkeypatch, n, shorter, most):
    mutations = table([[9, 5], [5, 9], [8, 2]][:n], 20)
    observation = replace(CLASSES, missed_state=0.1)
    copies = np.array([[2, 1]] * n, dtype=float), np.array([[1, 1]] * n, dtype=float)
    copy_number = CopyNumberAtLoci(*copies, np.full((n, 2), 2.0))
    monkeypatch.setattr(joint_module, "fit_precision", lambda *_: np.inf)
    chosen = long_chains(shorter)
    given = []
    run_chains = joint_module.run_chains

    def remembered(items, *arguments):
        given.extend((run_chains(items, *arguments), items))
        return given[0]

    monkeypatch.setattr(joint_module, "run_chains", remembered)
    monkeypatch.setattr(joint_module, "_summarise", lambda *_: None)
    settings = replace(SETTINGS, trees=chosen, observation=observation)
    infer_jointly(
        mutations,
        copy_number,
        np.array([0.8, 0.9]),
        np.arange(2),
        labels=np.zeros(n, dtype=np.int64),
        trees=start_of(mutations, [0] * n),
        settings=settings,
        rng=np.random.default_rng(4),
    )
    drawn, items = given
    states = exact_option_states(items, settings.trees, observation)
    every, found = np.arange(n), Counter()
    for (labels, parents, options), count in counted(drawn.labels, drawn.parents, drawn.options).items():
        draw, _ = joint_module._draw(np.array(labels), np.array(parents), every)
        kept = tuple(tuple(options[i]) for i in range(n) if labels[i] >= 0)
        found[tuple(draw[0].tolist()), tuple(draw[1].tolist()), kept] += count
    assert set(found) <= set(states)
    distance = 0.5 * sum(abs(found[state] / found.total() - p) for state, p in states.items())
    assert distance < most + 0.02  # among so many states, of which many are rare
    marginal = Counter()
    for (_, _, options), p in states.items():
        marginal[options] += p
    of_options = Counter()
    for (_, _, options), count in found.items():
        of_options[options] += count / found.total()
    assert 0.5 * sum(abs(of_options[key] - p) for key, p in marginal.items()) < most
    of_first = Counter()
    for (labels, _, options), p in states.items():
        of_first[options[0][0] if labels[0] >= 0 else -1] += p
    assert sorted(of_first.values())[-2] > 0.1  # there is something to be wrong about


def test_draws_have_trees_presence_and_equal_weights():
    mutations = table([[20, 20], [19, 21], [10, 0], [0, 18]], 40)
    settings = replace(SETTINGS, trees=replace(SETTINGS.trees, joint_draws=20, joint_sweeps=1))
    joint = run(mutations, [0, 0, 1, 2], settings)
    assert joint.weights == pytest.approx(np.full(joint.n_draws, 1.0 / joint.n_draws))
    for index, draw in enumerate(joint.draws):
        tree = joint.tree(index)
        assert draw.presence.shape == draw.proportions.shape == (tree.n_clones, 2)
        assert draw.proportions.sum(axis=0) == pytest.approx([1.0, 1.0])
        assert tree.n_mutations.sum() == (draw.labels >= 0).sum()
        assert draw.labels.max() == tree.n_clones - 1
    again = run(mutations, [0, 0, 1, 2], settings)
    assert [d.labels.tolist() for d in again.draws] == [d.labels.tolist() for d in joint.draws]
    document = json.loads(json.dumps(joint.to_json(["a", "b"]), default=lambda x: np.asarray(x).tolist()))
    back = JointPosterior.from_json(document)
    for one, other in zip(back.draws, joint.draws):
        assert (one.labels == other.labels).all() and (one.presence == other.presence).all()
        assert one.proportions == pytest.approx(other.proportions, abs=1e-4)


def test_a_wrong_start_is_mended():
    rng = np.random.default_rng(3)
    vaf = np.repeat([[0.5, 0.5], [0.3, 0.0], [0.1, 0.5]], 5, axis=0)
    mutations = table(rng.binomial(200, vaf), 200)
    settings = replace(SETTINGS.trees, joint_draws=100, joint_sweeps=1000)
    joint = run(mutations, [0] * 5 + [1] * 10, replace(SETTINGS, trees=settings))
    truth = np.repeat([0, 1, 2], 5)
    assert np.abs(joint.same_cluster - np.equal.outer(truth, truth)).max() < 0.3


def test_unrelated_tumours_are_refused():
    mutations = table([[20, 0], [0, 20]], 40)
    with pytest.raises(ValueError, match="single founder"):
        run(mutations, [0, 1])
