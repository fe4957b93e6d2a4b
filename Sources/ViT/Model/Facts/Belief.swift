/// Why a part of a configuration is believed to be what it is, in the order of belief.
package enum Belief: Sendable, Hashable, CustomStringConvertible {
    /// The user says so.
    case option
    /// A file says so: one beside the weights, or the metadata of the weights' own file.
    case file(String)
    /// The file is a known model's, whose entry says so.
    case knownModel(String)
    /// The tensors' names and shapes show it.
    case tensors
    /// All models of the family have it, and the family is believed for one of the reasons above.
    case family
    /// Nobody says so. It is what such files most often are.
    case assumption

    package var description: String {
        switch self {
        case .option: "option"
        case .file(let name): name
        case .knownModel(let name): "known model \(name)"
        case .tensors: "tensors"
        case .family: "family"
        case .assumption: "assumed"
        }
    }
}
