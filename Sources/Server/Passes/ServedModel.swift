import Files
import Methods
import ViT

/// A model that the server looks by.
package struct ServedModel: Sendable {
    package let probed: ProbedModel
    package let engine: Engine
    /// What a command says to look by the same model in the same way: `--model dino_vits16 --resolution 224`.
    package let arguments: [String]

    package init(_ probed: ProbedModel, engine: Engine, arguments: [String]) {
        self.probed = probed
        self.engine = engine
        self.arguments = arguments
    }

    package var name: String { probed.name }

    /// Tells it from every other model and way of looking, for ETags.
    var stamp: String { ([probed.model.weightsHash] + arguments).joined(separator: " ") }

    var description: JSONValue {
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
            .init("classes", .integer(probed.classification?.classifier.classes ?? 0)),
            .init("final_tokens", .bool(givesTokens)),
            .init("computation", .string(engine.description)),
            .init("reading", .string("\(probed.model.reading)")),
            .init("methods", .array(methods.map { .string($0.name) })),
        ])
    }

    var standardQuery: Query { Query(standardOf: probed.configuration, namesBlock: false) }

    /// Whether the final LayerNorm gives vectors to compare.
    var givesTokens: Bool { probed.configuration.hasFinalNorm || probed.configuration.hasPoolingNorm }

    /// The methods that the model has all for.
    var methods: [Method] {
        MethodRegistry.standard.methods.filter { method in
            let needsClass = method.use(of: MethodOptions.targetClass) != nil
            let needsTokens = ["similarity", "features", "foreground"].contains(method.name)
            return (!needsClass || probed.classification != nil) && (!needsTokens || givesTokens)
                && method.name != "tokens"
        }
    }
}
