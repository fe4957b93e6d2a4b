import Base
import Glibc
import Probing
import ViT

/// Examples and rankings as rows of a table.
enum ExampleTable {
    /// A row an example: `neuron`, `rank` from 1, `file`, `frame`, `time` in seconds, `mean` over the patches.
    ///
    /// - Parameter paths: of the files, by their places.
    static func rows(
        of neurons: [NeuronAddress], _ examples: [[ExampleScore]], paths: [String]
    ) -> [[String]] {
        var rows = [["neuron", "rank", "file", "frame", "time", "mean"]]
        for (neuron, scores) in zip(neurons, examples) {
            for (rank, score) in scores.enumerated() {
                rows.append(
                    ["\(neuron)", "\(rank + 1)"] + fields(of: score.place, paths) + [number(score.score)])
            }
        }
        return rows
    }

    /// A row a neuron of a block, most selective first: `neuron`, `sparsity`, `mean` over all frames (0 where a frame's
    /// is negative), and of the best example `file`, `frame`, `time` and `best_mean`.
    static func rows(
        ofBlock block: Int, _ selectivity: NeuronSelectivity, _ places: [ExamplePlace], paths: [String]
    ) -> [[String]] {
        var rows = [["neuron", "sparsity", "mean", "file", "frame", "time", "best_mean"]]
        let sparsities = (0..<selectivity.neurons).map { selectivity.sparsity(of: $0) }
        // What no frame excites stands last.
        let order = (0..<selectivity.neurons).sorted {
            let (a, b) = (sparsities[$0], sparsities[$1])
            return ((b.isNaN ? -1 : b), $0) < ((a.isNaN ? -1 : a), $1)
        }
        for neuron in order {
            guard let best = selectivity.examples(of: neuron).first else { continue }
            let sparsity = sparsities[neuron].isNaN ? "" : formatted("%.6g", sparsities[neuron])
            rows.append(
                [
                    "\(NeuronAddress(block: block, index: neuron))", sparsity,
                    formatted("%.6g", selectivity.mean(of: neuron)),
                ] + fields(of: places[best.picture], paths) + [number(best.mean)])
        }
        return rows
    }

    private static func fields(of place: ExamplePlace, _ paths: [String]) -> [String] {
        [paths[place.file], "\(place.frame)", formatted("%.6g", place.seconds)]
    }

    /// Three digits.
    static func number(_ value: Float) -> String { formatted("%.4g", value) }
}
