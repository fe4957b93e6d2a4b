import Base
import Checkpoints
import Files
import ViT

/// A vision transformer of any build: its file, and the graphs that are made of it for the sizes it is shown.
package final class GraphModel: Sendable {
    private enum Source: Sendable {
        case onnx(ONNXGraph)
        case family(GraphFamily, Checkpoint)

        /// The size that pictures must have; nil where there are several.
        var fixedSize: PictureSize? {
            get throws {
                switch self {
                case .onnx(let graph):
                    let size = try ONNXModel.pictureSize(of: graph)
                    guard let height = size.height, let width = size.width else { return nil }
                    return PictureSize(height: height, width: width)
                case .family(.trained, let checkpoint):
                    let side = try locating("use", checkpoint.path) { try TrainedShape(of: checkpoint).side }
                    return PictureSize(height: side, width: side)
                case .family: return nil
                }
            }
        }
    }

    /// What to call the model in captions and metadata.
    package let name: String
    /// What it is, in words: "Swin Transformer", "ONNX graph".
    package let title: String
    /// SHA-256 of the weights file in hexadecimal.
    package let weightsHash: String
    package let normalization: Normalization
    /// The names of its classes that its file holds; empty where it holds none.
    package let classNames: [String]
    /// What it was taken for without being told.
    package let notices: [ModelNotice]
    /// The size that its pictures must have; nil where it takes several.
    package let fixedSize: PictureSize?
    /// The side of the pictures that it was trained with.
    package let nativeSide: Int
    /// What the sides of its pictures are multiples of.
    package let sideUnit: Int
    private let source: Source
    private let latest = Mutex<(size: PictureSize, instance: GraphInstance)?>(nil)

    /// Rows and columns of pixels.
    package struct PictureSize: Sendable, Hashable {
        package let height: Int
        package let width: Int

        package init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
    }

    /// Opens an ONNX model of any transformer, or weights of one of `GraphFamily`.
    ///
    /// - Parameters:
    ///   - name: what to call the model; the file's name where nil.
    ///   - mean: of the normalization, where the user says it.
    ///   - deviation: likewise.
    /// - Returns: nil for a file of weights of none of these families.
    /// - Throws: `VitvideoError` of kind `noInput` where the file cannot be opened, `badData` where it is damaged.
    package static func open(
        _ path: String, name: String? = nil, mean: [Float]? = nil, deviation: [Float]? = nil
    ) throws -> GraphModel? {
        let checkpoint = try Checkpoint.open(path)
        if checkpoint.format == .onnx {
            return try GraphModel(
                .onnx(ONNXGraph.open(checkpoint.path)), checkpoint, title: "ONNX graph", sideUnit: 32,
                name: name,
                mean: mean, deviation: deviation)
        }
        guard let family = GraphFamily.recognized(checkpoint) else { return nil }
        return try GraphModel(
            .family(family, checkpoint), checkpoint, title: family.title, sideUnit: family.sideUnit,
            name: name,
            mean: mean, deviation: deviation)
    }

    /// Whether a file, or the weights in a directory, are an ONNX model.
    ///
    /// - Throws: as `open` for what cannot be opened.
    package static func isONNX(_ path: String) throws -> Bool { try WeightsDirectory.isONNX(path) }

    private init(
        _ source: Source, _ checkpoint: Checkpoint, title: String, sideUnit: Int, name: String?,
        mean: [Float]?,
        deviation: [Float]?
    ) throws {
        self.source = source
        self.title = title
        self.name = name ?? FileName.shown(checkpoint.path.lastPathPart)
        weightsHash = try checkpoint.contentHash()
        classNames = checkpoint.classNames
        let file = PretrainedFacts(of: checkpoint)
        var notices: [ModelNotice] = []
        func channels(_ given: [Float]?, _ told: [Float]?, _ standard: [Float]) -> [Float] {
            let values = given ?? told ?? standard
            return values.count == 1 ? [Float](repeating: values[0], count: 3) : values
        }
        if mean ?? file.mean == nil || deviation ?? file.deviation == nil {
            notices.append(
                ModelNotice(
                    "nothing says how its input is normalized; taken to be as ImageNet's usual",
                    nextStep: .tellModel([.mean, .deviation])))
        }
        self.notices = notices
        normalization = Normalization(
            mean: channels(mean, file.mean, Normalization.imageNet.mean),
            deviation: channels(deviation, file.deviation, Normalization.imageNet.deviation))
        let fixed = try source.fixedSize
        fixedSize = fixed
        let side = fixed.map { min($0.height, $0.width) } ?? file.side ?? 224
        nativeSide = side
        // The side that it was trained with has to be one of its sides: its largest power of two, where that is less.
        self.sideUnit = min(sideUnit, side & -side)
    }

    /// The model ready for pictures of a size; that of the size last asked for is kept.
    ///
    /// - Throws: `VitvideoError` where the model has no such size, or an operator that is not known here.
    package func instance(height: Int, width: Int) throws -> GraphInstance {
        let size = PictureSize(height: height, width: width)
        return try latest.withLock { latest in
            if let latest, latest.size == size { return latest.instance }
            let graph =
                switch source {
                case .onnx(let onnx): try ONNXModel.graph(of: onnx, height: height, width: width)
                case .family(let family, let checkpoint):
                    try family.graph(of: checkpoint, height: height, width: width)
                }
            let bytes = GraphPlan(graph).memoryBytes
            if let available = Allocation.current.availableBytes(), bytes > available {
                throw VitvideoError(
                    .usage,
                    reason:
                        "\(name) takes \(byteText(bytes)) for pictures of \(width)×\(height), and "
                        + "\(byteText(available)) are free",
                    nextStep: .shrinkFrames(resolution: nil))
            }
            let instance = try GraphInstance(graph.prepared())
            latest = (size, instance)
            return instance
        }
    }
}

extension GraphModel {
    /// Of ConViT the share of each head's attention that goes by place alone, of its first layers; empty for other models.
    ///
    /// - Throws: `VitvideoError` where the weights are damaged.
    package func sharesOfPlace() throws -> [[Float]] {
        guard case .family(.convit, let checkpoint) = source else { return [] }
        return try ConViT.shares(
            ofPlaceIn: GraphWeights(checkpoint, sign: GraphFamily.convit.sign))
    }

    /// The size of the pictures that it was trained with.
    package var nativeSize: PictureSize {
        fixedSize ?? PictureSize(height: nativeSide, width: nativeSide)
    }

    /// The model ready for them.
    ///
    /// - Throws: as `instance(height:width:)`.
    package func nativeInstance() throws -> GraphInstance {
        try instance(height: nativeSize.height, width: nativeSize.width)
    }
}

/// A model made ready for one size of the picture, with what it attends by. Shared by all workers.
package final class GraphInstance: Sendable {
    package let graph: Graph
    /// Its attention matrices, in the order of computation: what the command line calls layers.
    package let attention: [AttentionMatrix]
    /// Where there is attention whose columns stand for no part of the picture.
    package let unplaced: [String]
    /// Where places were lost, in words; nil where they were not.
    package let lostAt: String?
    package let placed: PlacedGraph
    /// What tokens are between the layers.
    package let tokens: TokenStream

    /// How many classes the output is the logits of; 0 where it is something else.
    package var classes: Int {
        guard let output = graph.output, graph.shape(output).rank == 2, graph.shape(output)[0] == 1 else {
            return 0
        }
        return graph.shape(output)[1]
    }

    init(_ graph: Graph) throws {
        self.graph = graph
        placed = try PlacedGraph(graph)
        (attention, unplaced) = AttentionMatrix.all(of: placed)
        tokens = TokenStream(placed, attention: attention)
        lostAt = placed.lostAt.map { "\($0.operation.name) \(quoted($0.scope))" }
    }
}

/// What timm's `config.json` beside a weights file says of how the model was trained, or the file's own metadata.
private struct PretrainedFacts {
    private(set) var mean: [Float]?
    private(set) var deviation: [Float]?
    private(set) var side: Int?

    init(of checkpoint: Checkpoint) {
        // A damaged file is an error where the model's arguments are read of it.
        let object = try? JSONValue(
            contentsOf: checkpoint.path.parentPath + "/config.json", limit: 16 << 20)
        let facts = object?["pretrained_cfg"] ?? object
        func numbers(_ name: String) -> [Float]? {
            let values =
                checkpoint.metadata[name] != nil
                ? checkpoint.channelValues(name)
                : facts?[name]?.array?.compactMap { $0.number.map { Float($0) } }
            return values?.count == 3 && values?.allSatisfy(\.isFinite) == true ? values : nil
        }
        mean = numbers("mean")
        deviation = numbers("std").flatMap { $0.allSatisfy { $0 > 0 } ? $0 : nil }
        side = facts?["input_size"]?.array?.last?.integer
    }
}
