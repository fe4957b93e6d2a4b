import Base
import Files
import Methods
import Pixels
import ViT

/// A plain Vision Transformer that the server looks by.
package struct ServedTransformer: ServedModel {
    let probed: ProbedModel
    let engine: Engine
    package let arguments: [String]

    package init(_ probed: ProbedModel, engine: Engine, arguments: [String]) {
        self.probed = probed
        self.engine = engine
        self.arguments = arguments
    }

    package var name: String { probed.name }
    package var weightsHash: String { probed.weightsHash }
    package var layers: Int { probed.configuration.depth }

    package var description: JSONValue {
        let c = probed.configuration
        return .object([
            .init("name", .string(name)),
            .init("layers", .integer(c.depth)), .init("heads", .integer(c.heads)),
            .init("width", .integer(c.width)), .init("head_width", .integer(c.headWidth)),
            .init("patch", .integer(c.patchSize)),
            .init("special_tokens", .integer(c.specialTokens)),
            .init("class_token", .bool(c.prefix.hasClassToken)),
            .init("query", .string(standardQuery.description)),
            // Whether rows of attention follow of queries and keys alone.
            .init("attention_from_keys", .bool(c.relativePositions == nil)),
            .init("classes", .integer(probed.classes)),
            .init("final_tokens", .bool(givesTokens)),
            .init("computation", .string(engine.description)),
            .init("reading", .string("\(probed.model.reading)")),
            .init("methods", .array(methods.map { .string($0.name) })),
        ])
    }

    package var standardQuery: Query { Query(standardOf: probed.configuration, namesBlock: false) }

    /// Whether the final LayerNorm gives vectors to compare.
    var givesTokens: Bool { probed.configuration.hasFinalNorm || probed.configuration.hasPoolingNorm }

    package var methods: [Method] {
        MethodRegistry.standard.methods.filter { method in
            let needsTokens = ["similarity", "features", "foreground"].contains(method.name)
            return method.isServed(classes: probed.classes) && (!needsTokens || givesTokens)
        }
    }

    package func check(_ image: RGBImage, budgetBytes: Int, allowsHuge: Bool) throws {
        let layout = try probed.layout(of: image)
        if !allowsHuge, let huge = try HugeFrame(of: probed, height: image.height, width: image.width) {
            throw huge.refusal
        }
        let bytes = KeptAttention.byteCount(probed.configuration, rows: layout.rows, columns: layout.columns)
        try checkFits(
            bytes, of: "a frame of \(layout.columns)×\(layout.rows) patches", budgetBytes: budgetBytes)
        var available = Allocation.current.availableBytes().map { max(0, $0 - bytes) }
        try probed.reserveMemory(precision: engine.precision, on: layout, workers: 1, from: &available)
    }

    package func makeRecorder(threads: Int) throws -> RecordFrame {
        let pass = try ForwardPass(engine: engine, threads: threads)
        return { image, seconds, progress in
            try TransformerRecord(of: image, timeSeconds: seconds, by: self, pass, progress: progress)
        }
    }

    package func source(
        _ chosen: ChosenMethod, of image: RGBImage, threads: Int,
        picture: @escaping (QueryPlace) throws -> RGBImage
    ) throws -> any MapSource {
        try chosen.method.makeSource(
            MethodRequest(
                model: probed, settings: chosen.settings, threads: threads,
                availableBytes: Allocation.current.availableBytes(), forEachSample: { try $0(image) },
                picture: picture
            ) { engine })
    }

    package func shown(_ maps: [Plane], of image: RGBImage) -> [Plane] { maps }
}

extension ServedModel {
    /// - Throws: `VitvideoError` of kind `usage` for what is larger than the budget.
    func checkFits(_ bytes: Int, of what: String, budgetBytes: Int) throws {
        guard bytes > budgetBytes else { return }
        throw VitvideoError(
            .usage,
            reason: "what is kept of \(what) takes \(bytes) bytes, and the budget is \(budgetBytes)",
            nextStep: .advice("raise --budget-memory, or lower --resolution"))
    }
}

extension Method {
    /// Whether the page can ask for it of a model with so many classes.
    func isServed(classes: Int) -> Bool {
        (classes > 0 || use(of: MethodOptions.targetClass) == nil) && name != Method.tokens.name
    }
}
