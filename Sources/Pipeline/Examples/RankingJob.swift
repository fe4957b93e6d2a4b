import Base
import Files
import Pixels
import Probing
import Rendering
import ViT
import VideoIO

/// Ranks the neurons of a block by how selectively they fire, and shows the most selective: picture, examples, maps.
package final class RankingJob {
    private let search: ExampleSearch
    private let block: Int
    private let shown: Int
    private let count: Int
    private let apartSeconds: Double
    private let directory: OutputDirectory

    /// Makes the directory under a temporary name.
    ///
    /// - Parameters:
    ///   - shown: how many neurons are shown.
    ///   - count: of examples a neuron.
    ///   - apartSeconds: how far two examples of one file are apart at least.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(
        _ search: ExampleSearch, block: Int, shown: Int, count: Int, apartSeconds: Double, path: String,
        overwrite: Bool
    ) throws {
        self.search = search
        self.block = block
        self.shown = shown
        self.count = count
        self.apartSeconds = apartSeconds
        directory = try OutputDirectory(path, .ranking, overwrite: overwrite)
    }

    /// What to remove, with all that is in it, where the process has to end at once.
    package var temporaryPath: String { directory.temporaryPath }

    /// - Parameters:
    ///   - progress: called after each frame with the number of those done, from the start again for the examples.
    ///   - optimize: makes the picture that excites a neuron most; nil where it was stopped.
    /// - Throws: the first error of any part; nothing is left then.
    package func run(
        progress: (Int) -> Void, optimize: ([NeuronAddress]) throws -> [RGBImage?]
    ) throws -> ExampleJob.Outcome {
        do {
            let (selectivity, places) = try search.selectivity(ofBlock: block, progress: progress)
            guard !places.isEmpty else {
                directory.abandon()
                return .interrupted(partialPaths: [])
            }
            let rows = ExampleTable.rows(ofBlock: block, selectivity, places, paths: search.paths)
            try directory.write(
                FileName.bytes(of: rows.map(CommaSeparated.line).joined()), to: RankingDirectory.table)
            let neurons = selectivity.mostSelective(shown).map { NeuronAddress(block: block, index: $0) }
            if !search.isStopped, !neurons.isEmpty {
                let best = try search.scores(of: neurons, progress: progress).map {
                    ExampleChoice.best(count, of: $0, apartSeconds: apartSeconds)
                }
                let found = try search.examples(of: neurons, at: best)
                let pictures = try optimize(neurons)
                let rows = neurons.indices.map {
                    ExampleSheet.Row(neuron: neurons[$0], optimized: pictures[$0], examples: found[$0])
                }
                try directory.write(
                    try StillImage.pngBytes(
                        try ExampleSheet.compose(rows, names: search.names, style: HeatStyle())),
                    to: RankingDirectory.sheet)
            }
            guard search.isStopped else {
                try directory.commit()
                return .complete
            }
            return .interrupted(partialPaths: [try directory.commitPartial()])
        } catch {
            directory.abandon()
            throw error
        }
    }
}
