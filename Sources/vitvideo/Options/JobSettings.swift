/// The options of a group that decide about the content of the outputs: names and values as text, nil for an
/// option that was not given. They belong to a resumable job's identity; each group lists its own beside their
/// declaration.
typealias JobSettings = [(name: String, value: String?)]
