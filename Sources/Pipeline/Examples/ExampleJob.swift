import Base
import Files
import Rendering
import ViT
import VideoIO

/// Finds the frames that excite neurons most, and writes a sheet and a table of them.
package final class ExampleJob {
    package enum Outcome: Sendable, Equatable {
        case complete
        /// Stopped on request; where what was found until then lies.
        case interrupted(partialPaths: [String])
    }

    private let search: ExampleSearch
    private let neurons: [NeuronAddress]
    private let count: Int
    private let apartSeconds: Double
    private let sheet: AtomicFile?
    private let table: TableFile?

    /// Makes the outputs under temporary names.
    ///
    /// - Parameters:
    ///   - count: of examples a neuron.
    ///   - apartSeconds: how far two examples of one file are apart at least.
    ///   - sheet: of the picture, a PNG file; nil for none.
    ///   - table: of the table; "-" for standard output, nil for none.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(
        _ search: ExampleSearch, neurons: [NeuronAddress], count: Int, apartSeconds: Double,
        sheet: String?, table: String?, overwrite: Bool
    ) throws {
        self.search = search
        self.neurons = neurons
        self.count = count
        self.apartSeconds = apartSeconds
        let file = try sheet.map { try AtomicFile($0, overwrite: overwrite, wording: .negatedCode) }
        self.sheet = file
        do {
            self.table = try table.map { try TableFile($0, overwrite: overwrite) }
        } catch {
            file?.abandon()
            throw error
        }
    }

    /// What to remove where the process has to end at once.
    package var temporaryPaths: [String] {
        (sheet.map { [$0.temporaryPath] } ?? []) + (table?.temporaryPaths ?? [])
    }

    /// - Parameter progress: called after each frame with the number of those done.
    /// - Throws: the first error of any part; nothing is left then.
    package func run(progress: (Int) -> Void) throws -> Outcome {
        do {
            let scores = try search.scores(of: neurons, progress: progress)
            let best = scores.map { ExampleChoice.best(count, of: $0, apartSeconds: apartSeconds) }
            guard best.contains(where: { !$0.isEmpty }) else {
                abandon()
                return .interrupted(partialPaths: [])
            }
            let found = try search.examples(of: neurons, at: best)
            if let sheet {
                let rows = zip(neurons, found).map { ExampleSheet.Row(neuron: $0, examples: $1) }
                try sheet.write(
                    try StillImage.pngBytes(
                        try ExampleSheet.compose(rows, names: search.names, style: HeatStyle())))
            }
            for row in ExampleTable.rows(of: neurons, best, paths: search.paths) { try table?.write(row) }
            guard search.isStopped else {
                try sheet?.commit(as: nil)
                try table?.finish()
                return .complete
            }
            var partial: [String] = []
            if let sheet {
                partial.append(OutputFormat.partialName(of: sheet.path))
                try sheet.commit(as: partial.last)
            }
            if let table {
                partial.append(table.partialName)
                try table.finish(as: partial.last)
            }
            return .interrupted(partialPaths: partial)
        } catch {
            abandon()
            throw error
        }
    }

    private func abandon() {
        sheet?.abandon()
        table?.abandon()
    }
}
