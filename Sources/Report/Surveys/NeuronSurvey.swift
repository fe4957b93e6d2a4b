import Base
import Glibc
import Methods
import Pixels
import Probing
import Rendering
import ViT

/// A few neurons of every block, those that fire most selectively, on the pictures that excite them most: these are
/// looked at a second time.
struct NeuronSurvey: Survey {
    /// Neurons a block.
    static let neurons = 3
    /// Pictures a neuron.
    static let examples = 4

    func makeMeter(_ context: SurveyContext) -> NeuronMeter { NeuronMeter(context) }

    func makeCollector(_ plan: SurveyPlan, writer: FigureWriter) -> NeuronCollector {
        NeuronCollector(plan, writer)
    }
}

/// The archive holds of every neuron, [blocks, neurons], `sparsity` float32 (0 where that is not defined), and
/// [blocks, neurons, examples] `best_mean` float32 and `best_picture` int64, the line in `pictures.txt` from 0.
final class NeuronCollector: SurveyCollector {
    private let subjects: [ReportSubject]
    private let writer: FigureWriter
    /// By subject and block.
    private var selectivity: [[NeuronSelectivity]]

    init(_ plan: SurveyPlan, _ writer: FigureWriter) {
        subjects = plan.subjects
        self.writer = writer
        selectivity = subjects.map { subject in
            let c = subject.model.configuration
            return (0..<c.depth).map { _ in
                NeuronSelectivity(neurons: c.feedForwardWidth, examples: NeuronSurvey.examples)
            }
        }
    }

    func add(_ measures: [PictureMoments], of picture: CollectedPicture) {
        for (subject, measure) in measures.enumerated() {
            for (block, moments) in measure.moments.enumerated() {
                selectivity[subject][block].add(moments.mean)
            }
        }
    }

    func finish(_ end: SurveyEnd) throws -> [PageBlock] {
        guard end.paths.count > 1 else {
            return [note("At least two pictures are needed to tell which neurons are selective.")]
        }
        let chosen = selectivity.map { blocks in
            blocks.enumerated().flatMap { block, neurons in
                neurons.mostSelective(NeuronSurvey.neurons).map { NeuronAddress(block: block, index: $0) }
            }
        }
        guard let maps = try maps(of: chosen, end) else {
            return [note("The report was stopped before the pictures were looked at again.")]
        }
        let archives = try subjects.indices.map {
            PageEntry(
                model: subjects[$0].name,
                .text(finding($0, chosen[$0], pictures: end.paths.count), arrays: try writeArchive($0)))
        }
        let depth = selectivity.map(\.count).max() ?? 0
        let layers = try (0..<depth).map { block in
            PageBlock(
                heading: "Layer \(block)",
                entries: try subjects.indices.compactMap { subject in
                    let neurons = chosen[subject].filter { $0.block == block }
                    guard block < selectivity[subject].count else { return nil }
                    guard !neurons.isEmpty else {
                        return PageEntry(model: subjects[subject].name, .note("No neuron fires selectively."))
                    }
                    return PageEntry(
                        model: subjects[subject].name,
                        .figures([try figure(subject, block: block, neurons, maps[subject])]))
                })
        }
        return [PageBlock(entries: archives)] + layers
    }

    private func note(_ text: String) -> PageBlock { PageBlock(entries: [PageEntry(.note(text))]) }

    // MARK: The second look

    /// A neuron on a picture.
    private struct Example: Hashable {
        let neuron: NeuronAddress
        let picture: Int
    }

    /// A picture, small, and what a neuron does on it.
    private struct Sight {
        let picture: RGBImage
        let map: Plane
    }

    private func examples(_ subject: Int, of neuron: NeuronAddress) -> [NeuronSelectivity.Example] {
        selectivity[subject][neuron.block].examples(of: neuron.index)
    }

    /// Reads the pictures again, each once, and takes the chosen neurons' maps on them.
    ///
    /// - Returns: by subject; nil where the report is stopped meanwhile.
    private func maps(of chosen: [[NeuronAddress]], _ end: SurveyEnd) throws -> [[Example: Sight]]? {
        let passes = try subjects.map { try ForwardPass(engine: $0.engine, threads: end.threads) }
        var wanted: [Int: [[NeuronAddress]]] = [:]
        for subject in subjects.indices {
            for neuron in chosen[subject] {
                for example in examples(subject, of: neuron) {
                    wanted[example.picture, default: subjects.map { _ in [] }][subject].append(neuron)
                }
            }
        }
        var maps = subjects.map { _ in [Example: Sight]() }
        for (picture, neurons) in wanted.sorted(by: { $0.key < $1.key }) {
            if end.isStopped() { return nil }
            let image = try end.read(end.paths[picture])
            for (subject, neurons) in neurons.enumerated() where !neurons.isEmpty {
                let input = try ModelInput(image, subjects[subject].probed.preprocessor)
                var request = ForwardRequest(attentionBlocks: [])
                request.neurons = neurons
                let result = try passes[subject].run(input.patches, request)
                // No wider than its place in a figure.
                let small = Resizer.shrunk(
                    input.picture, length: input.picture.width,
                    to: HeatTiles.maximumWidth / NeuronSurvey.examples)
                for (neuron, values) in zip(neurons, result.neurons) {
                    maps[subject][Example(neuron: neuron, picture: picture)] = Sight(
                        picture: small,
                        map: Plane(height: input.patches.rows, width: input.patches.columns, values: values))
                }
            }
        }
        return maps
    }

    // MARK: Figures

    /// A row a neuron, its pictures from left to right; one scale of colors a neuron.
    private func figure(
        _ subject: Int, block: Int, _ neurons: [NeuronAddress], _ maps: [Example: Sight]
    ) throws -> PageFigure {
        var tiles: [PictureTile] = []
        for neuron in neurons {
            let sights = examples(subject, of: neuron).compactMap { example in
                maps[Example(neuron: neuron, picture: example.picture)].map { (example, $0) }
            }
            let values = sights.flatMap { $1.map.values }
            let (low, high) = (values.min() ?? 0, values.max() ?? 0)
            for (example, sight) in sights {
                tiles.append(
                    PictureTile(
                        caption: "\(neuron), mean \(formatted("%.2f", example.mean))",
                        picture: sight.picture,
                        map: sight.map, scale: low < high ? .fixed(minimum: low, maximum: high) : .frame))
            }
        }
        let named = neurons.map { neuron in
            let sparsity = selectivity[subject][block].sparsity(of: neuron.index)
            return "\(neuron) (S \(formatted("%.2f", sparsity)))"
        }
        return try writer.write(
            "\(ReportSection.neurons.name)-\(block)-\(subjects[subject].fileName)",
            try HeatTiles.each(tiles, columns: examples(subject, of: neurons[0]).count),
            text:
                "The most selective neurons of layer \(block) of \(subjects[subject].name), a row each, on the pictures "
                + "that excite them most: " + named.joined(separator: ", "),
            arrays: [], subjects[subject].provenance(version: writer.version))
    }

    private func finding(_ subject: Int, _ chosen: [NeuronAddress], pictures: Int) -> String {
        let sparsities = chosen.map { selectivity[subject][$0.block].sparsity(of: $0.index) }
        let all = selectivity[subject].map { neurons in
            quantile(
                0.5, of: (0..<subjects[subject].model.configuration.feedForwardWidth).map(neurons.sparsity))
        }
        return "\(subjects[subject].name), \(pictures) pictures: the neurons shown have S from "
            + "\(decimal(sparsities.min() ?? .nan)) to \(decimal(sparsities.max() ?? .nan)); half of all neurons are above "
            + "\(decimal(all.first ?? .nan)) in layer 0 and above \(decimal(all.last ?? .nan)) in the last."
    }

    private func writeArchive(_ subject: Int) throws -> String {
        let blocks = selectivity[subject]
        let width = subjects[subject].model.configuration.feedForwardWidth
        let name = "\(ReportSection.neurons.name)-\(subjects[subject].fileName)"
        let archive = try writer.begin(name)
        let sparsities = blocks.flatMap { block in
            (0..<width).map { Float(block.sparsity(of: $0)) }.map { $0.isFinite ? $0 : 0 }
        }
        let best = blocks.flatMap { block in (0..<width).flatMap { block.examples(of: $0) } }
        let shape = [blocks.count, width, best.count / max(blocks.count * width, 1)]
        try archive.add("sparsity", shape: [blocks.count, width], sparsities)
        try archive.add("best_mean", shape: shape, best.map(\.mean))
        try archive.add("best_picture", shape: shape, best.map { Int64($0.picture) })
        try archive.add("meta", text: try subjects[subject].provenance(version: writer.version).json())
        try archive.finish()
        return FigureWriter.archive(name)
    }
}
