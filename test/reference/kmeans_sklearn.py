"""Compares our 1-D k-means with scikit-learn's weighted KMeans, the published recipe of SqueezeLLM, on real rows.

Reference only: nothing here is part of the product. Needs numpy, safetensors, scikit-learn.
usage: python kmeans_sklearn.py BENCH MODELS GOLDEN [--rows 64]
  BENCH   the built kmeans1d_bench          MODELS  folder of checkpoints (<model>/model.safetensors)
  GOLDEN  folder of <model>.safetensors with squared gradients "fisher_sample.<matrix>" F32 [N, K]
Prints, per matrix and number of clusters, the sums over rows of sum_j F_j (w_j - c)^2, as ratios to the exact optimum, in
float64 and before centroids are rounded. Every solver is judged by the same function, on centroids or its own report.
"""
import argparse, json, subprocess, tempfile
import numpy as np, sklearn
from safetensors.numpy import load_file
from sklearn.cluster import KMeans

CASES = [
    ("tiny1m", "model.layers.3.self_attn.q_proj"), ("tiny1m", "model.layers.3.mlp.down_proj"),
    ("stories15M", "model.layers.5.self_attn.q_proj"), ("stories15M", "model.layers.5.mlp.down_proj"),
]


def cost(w, f, centroids):
    """sum_j f_j (w_j - nearest centroid)^2 in float64."""
    return float((f * ((w[:, None] - centroids[None, :]) ** 2).min(axis=1)).sum())


def published(w, f, k):
    """squeezellm's nuq.py: weighted KMeans over the row; a row without any sensitivity gets equal weights."""
    weight = f if f.sum() > 0 else np.ones_like(f)
    solver = KMeans(n_clusters=k, random_state=0, n_init="auto", max_iter=50)
    return solver.fit(w[:, None], sample_weight=weight).cluster_centers_[:, 0].astype(np.float64)


def ours(bench, w, f):
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(w.astype("<f4").tobytes() + f.astype("<f4").tobytes())
        file.flush()
        out = subprocess.run([bench, "--rows", file.name, str(w.shape[0]), str(w.shape[1])], check=True, capture_output=True)
    return {(e["clusters"], e["solver"]): np.array(e["objectives"]) for e in json.loads(out.stdout)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench"), parser.add_argument("models"), parser.add_argument("golden")
    parser.add_argument("--rows", type=int, default=64)
    args = parser.parse_args()
    print(f"scikit-learn {sklearn.__version__}, {args.rows} rows of each matrix\n")
    print("| matrix | n | k | exact ΣF(w−c)² | Lloyd / exact | scikit-learn / exact | worst row: Lloyd, scikit-learn "
          "| rows where Lloyd ≤ scikit-learn |\n|---|---|---|---|---|---|---|---|")
    for model, matrix in CASES:
        weights = load_file(f"{args.models}/{model}/model.safetensors")[matrix + ".weight"].astype(np.float32)
        fisher = load_file(f"{args.golden}/{model}.safetensors")["fisher_sample." + matrix]
        pick = np.linspace(0, len(weights) - 1, min(args.rows, len(weights))).astype(int)
        w, f = weights[pick], fisher[pick]
        results = ours(args.bench, w, f)
        for k in (4, 8, 16):
            exact, lloyd = results[k, "exact"], results[k, "lloyd"]
            theirs = np.array([cost(a.astype(np.float64), b.astype(np.float64), published(a, b, k)) for a, b in zip(w, f)])
            assert (exact <= lloyd * (1 + 1e-9)).all() and (exact <= theirs * (1 + 1e-9)).all()
            print(f"| {model} {matrix.removeprefix('model.')} | {w.shape[1]} | {k} | {exact.sum():.6g} "
                  f"| {lloyd.sum() / exact.sum():.4f} | {theirs.sum() / exact.sum():.4f} "
                  f"| {(lloyd / exact).max():.3f}, {(theirs / exact).max():.3f} "
                  f"| {(lloyd <= theirs * (1 + 1e-9)).sum()} of {len(w)} |")


if __name__ == "__main__":
    main()
