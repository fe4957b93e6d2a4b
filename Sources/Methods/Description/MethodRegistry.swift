/// The methods there are, and what is said of all of them together.
package struct MethodRegistry: Sendable {
    /// The program's own, in the order of the help.
    package static let standard = MethodRegistry([
        .attention,
        .rollout,
        .gradientRollout,
        .flow,
        .relevance,
        .gradCAM,
        .layers,
        .queriesAndKeys,
        .similarity,
        .tokens,
        .features,
        .foreground,
        .neuron,
    ])

    /// At least one; the first is what runs where none is asked for.
    package let methods: [Method]

    /// - Precondition: there is a method, and no two share a name.
    package init(_ methods: [Method]) {
        precondition(!methods.isEmpty, "there is a method to look by")
        precondition(Set(methods.map(\.name)).count == methods.count, "methods are told apart by their names")
        self.methods = methods
    }

    package var standardMethod: Method { methods[0] }

    package func method(named name: String) -> Method? { methods.first { $0.name == name } }

    /// The options of all methods, each once.
    package var options: [AnyMethodOption] {
        var seen: Set<String> = []
        return methods.flatMap(\.options).map(\.option).filter { seen.insert($0.name).inserted }
    }

    /// The methods that an option belongs to.
    package func methods(with option: some MethodOptionKey) -> [Method] {
        methods.filter { $0.use(of: option) != nil }
    }

    /// Their names in words: "attention, layers or qk".
    package func names(with option: some MethodOptionKey) -> String {
        let names = methods(with: option).map(\.name)
        let front = names.dropLast().joined(separator: ", ")
        return front.isEmpty ? names.joined() : "\(front) or \(names.last ?? "")"
    }

    /// An option that was given and does not belong to the method: the first in the order of `options`.
    package func strayOption(among settings: MethodSettings, of method: Method) -> AnyMethodOption? {
        options.first { settings.isGiven($0) && method.use(of: $0) == nil }
    }

    // MARK: Help

    /// "attention: of one block, per head. rollout: …"
    package var help: String { methods.map { "\($0.name): \($0.summary)." }.joined(separator: " ") }

    /// "attention, qk: the block, negative from the end. (default: -1)"; where methods differ "layers: heads to fuse
    /// (default: all). qk: one head (default: 0)."
    package func help(for option: some MethodOptionKey) -> String {
        let uses = methods(with: option).compactMap { method in
            method.use(of: option).map { (name: method.name, use: $0) }
        }
        // Methods that say the same of it are named together.
        var texts: [(names: [String], help: String, standard: String?)] = []
        for (name, use) in uses {
            if let place = texts.firstIndex(where: { $0.help == use.help && $0.standard == use.standard }) {
                texts[place].names.append(name)
            } else {
                texts.append(([name], use.help, use.standard))
            }
        }
        return texts.map { names, help, standard in
            let text = "\(names.joined(separator: ", ")): \(help)"
            let note = standard.map { " (default: \($0))" } ?? ""
            return texts.count == 1 ? "\(text).\(note)" : "\(text)\(note)."
        }.joined(separator: " ")
    }

    /// The names of the arrays of all methods but the standard one: "rollout, gradient_rollout, layers, q and k".
    package var arrayNames: String {
        methods.dropFirst().map { method in
            method.arrays.filter(\.isMap).map(\.name).joined(separator: " and ")
        }.joined(separator: ", ")
    }
}
