import Base
import Methods
import Probing

/// A method with its options, as query items of a request say them: the options of the command line by their names.
package struct ChosenMethod: Sendable {
    let method: Method
    let settings: MethodSettings

    /// - Throws: `VitvideoError` of kind `usage` and `HTTPProblem` for values that are none and for options that the method does
    ///   not have.
    init(_ head: HTTPHead) throws {
        let name = head.item("method") ?? MethodRegistry.standard.standardMethod.name
        guard let method = MethodRegistry.standard.method(named: name) else {
            throw HTTPProblem(.badRequest, "there is no method of that name")
        }
        self.method = method
        var settings = MethodSettings()
        settings[MethodOptions.layer] = try Self.integer(head, "layer")
        settings[MethodOptions.blocks] = try head.item("blocks").map { try BlockRange(parsing: $0) }
        settings[MethodOptions.heads] = try head.item("heads").map(Self.integers)
        settings[MethodOptions.fusion] = try Self.choice(head, "fusion")
        settings[MethodOptions.query] = try head.item("query").map { try Query(parsing: $0) }
        settings[MethodOptions.headFusion] = try Self.choice(head, "head-fusion")
        settings[MethodOptions.discardRatio] = try Self.share(head, "discard-ratio")
        settings[MethodOptions.compatibility] = try Self.choice(head, "compat")
        settings[MethodOptions.targetClass] = head.item("class")
        settings[MethodOptions.channel] = try Self.integer(head, "channel")
        settings[MethodOptions.feature] = try Self.choice(head, "feature")
        settings[MethodOptions.queryFrame] = try Self.integer(head, "query-frame")
        settings[MethodOptions.featuresOf] = try Self.choice(head, "features-of")
        settings[MethodOptions.neuron] = head.item("neuron")
        if let stray = MethodRegistry.standard.strayOption(among: settings, of: method) {
            throw HTTPProblem(.badRequest, "\(method.name) has no option \(stray.name)")
        }
        try method.validate(settings)
        self.settings = settings
    }

    /// Tells it from every other choice.
    var identity: String { ([method.name] + options.flatMap { [$0.name, $0.value] }).joined(separator: " ") }

    /// What a command says.
    var arguments: [String] {
        (method.name == MethodRegistry.standard.standardMethod.name ? [] : ["--method", method.name])
            + options.flatMap { ["--\($0.name)", $0.value] }
    }

    private var options: [(name: String, value: String)] {
        method.options.compactMap { use in use.option.text(settings).map { (use.option.name, Self.plain($0)) }
        }
    }

    /// A list as the command line takes it.
    private static func plain(_ text: String) -> String {
        text.hasPrefix("[") ? text.dropFirst().dropLast().filter { $0 != " " } : text
    }

    private static func integer(_ head: HTTPHead, _ name: String) throws -> Int? {
        guard let text = head.item(name) else { return nil }
        guard let number = Int(text), abs(number) < 1 << 31 else {
            throw HTTPProblem(.badRequest, "\(name) is a whole number")
        }
        return number
    }

    private static func integers(_ text: String) throws -> [Int] {
        guard let numbers = MethodOptions.heads(parsing: text) else {
            throw HTTPProblem(.badRequest, "heads are different whole numbers, separated by commas")
        }
        return numbers
    }

    private static func share(_ head: HTTPHead, _ name: String) throws -> Double? {
        guard let text = head.item(name) else { return nil }
        guard let number = Double(text), number.isFinite else {
            throw HTTPProblem(.badRequest, "\(name) is a number")
        }
        return number
    }

    private static func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ head: HTTPHead, _ name: String
    ) throws -> Value? {
        guard let text = head.item(name) else { return nil }
        guard let value = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw HTTPProblem(.badRequest, "\(name) is one of \(names)")
        }
        return value
    }
}
