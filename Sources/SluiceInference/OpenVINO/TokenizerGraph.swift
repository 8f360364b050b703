/// Edits of a tokenizer's graph in OpenVINO's XML form.
enum TokenizerGraph {
    /// The graph with every `Truncate` operation bypassed: what went in comes out, at its full length.
    ///
    /// Exported tokenizers cut texts at the model's limit without a word; an operation that nothing reads from is not built.
    /// A graph without such operations comes back as it is.
    static func untruncated(_ xml: String) -> String {
        let lines = xml.split(separator: "<", omittingEmptySubsequences: false).map(String.init)
        let layers = truncations(lines)
        guard !layers.isEmpty else { return xml }
        // (layer, input port) → the edge's source.
        var sources: [Port: Port] = [:]
        for line in lines {
            if let edge = Edge(line), layers[edge.to.layer] != nil { sources[edge.to] = edge.from }
        }
        func source(of port: Port) -> Port {
            guard let inputs = layers[port.layer] else { return port }
            // Outputs are numbered after the inputs: three a segment, then limit, side and mode.
            let input = Port(layer: port.layer, port: port.port - inputs)
            return sources[input].map(source) ?? port
        }
        return lines.compactMap { line -> String? in
            guard let edge = Edge(line) else { return line }
            if layers[edge.to.layer] != nil { return nil }
            let from = source(of: edge.from)
            guard from != edge.from else { return line }
            return "edge from-layer=\"\(from.layer)\" from-port=\"\(from.port)\""
                + " to-layer=\"\(edge.to.layer)\" to-port=\"\(edge.to.port)\"/>\n"
        }.joined(separator: "<")
    }

    /// The ids of the truncating layers with their number of inputs.
    private static func truncations(_ lines: [String]) -> [Int: Int] {
        var layers: [Int: Int] = [:]
        var current: Int?
        for line in lines {
            if line.hasPrefix("layer ") {
                current =
                    attribute("type", of: line) == "Truncate" ? attribute("id", of: line).flatMap { Int($0) } : nil
                if let current { layers[current] = 6 }
            } else if let current, line.hasPrefix("data "),
                let count = attribute("m_num_inputs", of: line).flatMap({ Int($0) })
            {
                layers[current] = count * 3 + 3
            }
        }
        return layers
    }

    private struct Port: Hashable {
        var layer: Int
        var port: Int
    }

    private struct Edge {
        var from: Port
        var to: Port

        init?(_ line: String) {
            guard line.hasPrefix("edge "),
                let fromLayer = attribute("from-layer", of: line).flatMap({ Int($0) }),
                let fromPort = attribute("from-port", of: line).flatMap({ Int($0) }),
                let toLayer = attribute("to-layer", of: line).flatMap({ Int($0) }),
                let toPort = attribute("to-port", of: line).flatMap({ Int($0) })
            else { return nil }
            from = Port(layer: fromLayer, port: fromPort)
            to = Port(layer: toLayer, port: toPort)
        }
    }

    /// The value of ` name="…"` in a tag.
    private static func attribute(_ name: String, of line: String) -> String? {
        let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
        for index in stride(from: 0, to: parts.count - 1, by: 2) where parts[index].hasSuffix(" \(name)=") {
            return String(parts[index + 1])
        }
        return nil
    }
}
