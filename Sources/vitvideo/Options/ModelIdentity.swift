import Base
import ModelZoo

/// One of the models of a run.
enum ModelIdentity: Hashable {
    /// A model of the zoo.
    case known(ModelZoo.Entry)
    /// A model of the Hugging Face hub, or one that was imported.
    case stored(StoredModel)
    /// A name that neither a known model nor a file has.
    case unknown(String)
    /// By its weights.
    case file(String)
    /// A weights file under a name of its own, with `--define`.
    case defined(WeightsDefinition)

    /// Whether only the weights tell what the model is.
    var isFile: Bool {
        switch self {
        case .file, .defined, .stored: true
        case .known, .unknown: false
        }
    }

    /// The full name, or the file's without its extension.
    var shortName: String {
        switch self {
        case .known(let entry): entry.name
        case .stored(let model): model.shortName
        case .unknown(let name): name
        case .defined(let definition): definition.name
        case .file(let path): FileName.shown(path.pathStem)
        }
    }
}
