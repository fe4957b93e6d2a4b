import Base
import Files
import Graph
import ModelZoo
import ViT

/// A model of a run, by what computes it.
enum LoadedModel {
    /// A plain Vision Transformer.
    case plain(Model)
    /// A transformer of any build.
    case graph(GraphModel)

    var name: String {
        switch self {
        case .plain(let model): model.name
        case .graph(let model): model.name
        }
    }

    var weightsHash: String {
        switch self {
        case .plain(let model): model.weightsHash
        case .graph(let model): model.weightsHash
        }
    }
}

extension ModelOptions {
    /// A model of whatever build.
    ///
    /// - Throws: as `load`.
    func loadAny(_ identity: ModelIdentity) throws -> LoadedModel {
        let (path, name): (String, String?)
        switch identity {
        case .file(let file): (path, name) = (file, nil)
        case .defined(let definition) where !definition.path.hasPrefix(HubReference.prefix):
            (path, name) = (definition.path, definition.name)
        case .stored(let model):
            let download = ModelDownload(cache: .standard())
            let location = try ModelCache.standard().location(
                of: model, download: offline ? nil : { try download.run($0) })
            (path, name) = (location.path, model.shortName)
        case .known, .defined, .unknown: return .plain(try load(identity))
        }
        guard FileSystem.exists(path) else { return .plain(try load(identity)) }
        guard try GraphModel.isONNX(path) else {
            let model = try GraphModel.open(path, name: name, mean: mean?.values, deviation: std?.values)
            return try model.map { .graph(try checked($0, identity)) } ?? .plain(load(identity))
        }
        do {
            return .plain(try load(identity))
        } catch let error as VitvideoError where error.kind == .badData || error.kind == .usage {
            // No plain Vision Transformer: its own graph says how it is computed.
            guard
                let model = try? GraphModel.open(path, name: name, mean: mean?.values, deviation: std?.values)
            else { throw error }
            return .graph(try checked(model, identity))
        }
    }

    /// Refuses what the options say of plain Vision Transformers alone.
    private func checked(_ model: GraphModel, _ identity: ModelIdentity) throws -> GraphModel {
        guard identity == self.identity(of: nil), let option = tellingOptions.first else { return model }
        throw VitvideoError(
            .usage,
            reason:
                "\(option) is about plain Vision Transformers, and \(model.name) is another (\(model.title))",
            nextStep: .advice("leave it out"))
    }
}
